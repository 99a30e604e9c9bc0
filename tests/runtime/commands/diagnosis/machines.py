"""Stand-ins for machines: what Linux says in the files of an x86 PC, a container, and a Jetson."""

from edgereader.runtime.sessions.nvidia import Driver, Gpu

RTX = Driver((12, 2), (Gpu("NVIDIA GeForce RTX 3080", "sm86", 10 << 30, integrated=False),))
ORIN = Driver((12, 6), (Gpu("Orin", "sm87", 7802000 * 1024, integrated=True),))
NO_DRIVER = "no NVIDIA driver: libcuda.so.1 cannot be loaded; install the driver"
PC = {
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n',
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 9 7950X\nflags\t\t: fpu avx2 avx512f avx512_vnni\n",
    "proc/meminfo": "MemTotal:       65536000 kB\nMemFree: 1 kB\nMemAvailable:   32768000 kB\n",
    "proc/driver/nvidia/version": (
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n"
        "GCC version:  gcc version 13.2.0\n"
    ),
    "sys/bus/pci/devices/0000:00:02.0/vendor": "0x8086\n",
    "sys/bus/pci/devices/0000:00:02.0/class": "0x030000\n",
    "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
    "sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
    "sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n",
    "sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n",
    "usr/local/cuda/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.6.68"}}',
}
CONTAINER = {
    ".dockerenv": "",
    "etc/os-release": "PRETTY_NAME='Alpine'\nID=alpine\nPRETTY_NAME=Alpine Linux v3.20\n",
    "proc/cpuinfo": "model name\t: Intel(R) Celeron(R) N4000\nflags\t\t: fpu sse4_2\n",
    "proc/meminfo": PC["proc/meminfo"],
    "proc/self/cgroup": "0::/\n",
    "sys/fs/cgroup/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/memory.max": "2147483648\n",
}
JETSON = {
    "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: …\n",
    "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n",
    "proc/meminfo": "MemTotal:       7802000 kB\nMemAvailable:   5000000 kB\n",
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0",
    "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0",
    "proc/driver/nvidia/version": (
        "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@x)\n"
    ),
    "sys/class/devfreq/17000000.gpu/min_freq": "306000000\n",
    "sys/class/devfreq/17000000.gpu/max_freq": "1020000000\n",
    "sys/class/devfreq/15340000.vic/min_freq": "1\n",
    "var/lib/dpkg/status": (
        "Package: nvidia-jetpack-runtime\nStatus: install ok installed\nVersion: 9.9\n\n"
        "Package: nvidia-jetpack\nStatus: install ok installed\nMaintainer: N\nVersion: 6.2+b77\nDescription: x\n y\n\n"
        "Package: libnvinfer8\nStatus: deinstall ok config-files\nVersion: 8.6.2\n\n"
        "Package: libnvinfer10\nStatus: install ok installed\nVersion: 10.3.0.30-1+cuda12.5\n"
    ),
}
NVPMODEL = "NV Fan Mode:quiet\nNV Power Mode: 15W\n0\n"

#!/usr/bin/env bash
# mosquitto: after a restart it takes messages for a session that ended with its connection.
# Expected: a client of MQTT 5 without a session expiry has no session once its connection has ended; a
# publisher that comes back before it is told "No matching subscribers" (0x10), and may send again later.
# Seen: when mosquitto ends, it writes down the session of a client that had connected again (clean start
# off, which is paho's default from the second time on), under the id that it gave it itself. After the
# restart the publisher is told "Success", and the message goes to nobody.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
PATH=$PATH:/usr/sbin # apt install mosquitto: 2.0.11 here
command -v mosquitto >/dev/null
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile paho-mqtt==2.2.0

venv/bin/python - <<'PY'
import importlib.metadata
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt

said = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False).stdout
print(said.splitlines()[0], "paho-mqtt", importlib.metadata.version("paho-mqtt"))
with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    port = taken.getsockname()[1]
Path("data").mkdir()
Path("mosquitto.conf").write_text(
    f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
    f"persistence true\npersistence_location {Path.cwd()}/data/\n"
)


def started():
    broker = subprocess.Popen(["mosquitto", "-c", "mosquitto.conf"], stderr=subprocess.DEVNULL)
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
    return broker


def ended(broker):
    broker.terminate()
    broker.wait(10)


def connected(back_after_s):
    """Return a client that runs, and an event that is set while it is subscribed to all."""
    client, subscribed = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5), threading.Event()
    client.on_connect = lambda client, *_: client.subscribe("#", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_disconnect = lambda *_: subscribed.clear()
    client.on_message = lambda _client, _userdata, message: got.append(message.payload.decode())
    client.reconnect_delay_set(back_after_s, back_after_s)
    client.connect("127.0.0.1", port)
    client.loop_start()
    subscribed.wait(20)
    return client, subscribed


def publish(text):
    """Return what the broker says of a message of another client."""
    answers, told = [], threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_publish = lambda _client, _userdata, _mid, code, _properties: (answers.append(str(code)), told.set())
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish("meter", text, qos=1)
    told.wait(20)
    client.disconnect()
    client.loop_stop()
    return answers[0]


got = []
broker = started()
client, subscribed = connected(3)
for restart in (1, 2):
    ended(broker)
    broker = started()
    answer = publish(f"after restart {restart}")
    assert not subscribed.is_set()
    subscribed.wait(20)
    time.sleep(0.5)
    print(f"restart {restart}: the broker says {answer!r} while nobody is there; received: {got}")
client.disconnect()
client.loop_stop()
ended(broker)
if (answer, got) != ("Success", []):
    sys.exit("changed: the broker no longer takes messages for a session that has ended")
PY

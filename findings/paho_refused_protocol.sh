#!/usr/bin/env bash
# paho-mqtt: a client that is set to MQTT 3.1.1 goes on as MQTT 3.1 when the broker refuses it once.
# Expected: return code 1 (unacceptable protocol version) reaches on_connect as a failure, and the
# client keeps to protocol=MQTTv311.
# Seen: no callback tells of the refusal; paho connects again by itself as 'MQIsdp' level 3, and
# on_connect reports success.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile paho-mqtt==2.2.0

venv/bin/python - <<'PY'
import importlib.metadata
import socket
import sys
import threading

import paho.mqtt.client as mqtt

print("paho-mqtt", importlib.metadata.version("paho-mqtt"))
offers = []


def serve(listener):
    """Refuse protocol level 4 (MQTT 3.1.1) and accept any other."""
    while True:
        peer, _ = listener.accept()
        header = peer.recv(2, socket.MSG_WAITALL)
        body = peer.recv(header[1], socket.MSG_WAITALL)
        name_end = 2 + int.from_bytes(body[:2], "big")
        offers.append((body[2:name_end].decode(), body[name_end]))
        refused = offers[-1][1] == 4
        peer.sendall(bytes([0x20, 2, 0, 1 if refused else 0]))
        if not refused:
            while peer.recv(64):
                pass
        peer.close()


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2, client_id="reader", protocol=mqtt.MQTTv311
)
events, connected = [], threading.Event()


def on_connect(client, userdata, flags, reason, properties):
    events.append(f"on_connect {reason}")
    connected.set()


client.on_connect = on_connect
client.on_connect_fail = lambda *arguments: events.append("on_connect_fail")
client.on_disconnect = lambda *arguments: events.append(f"on_disconnect {arguments[-2]}")
client.connect("127.0.0.1", listener.getsockname()[1])
client.loop_start()
connected.wait(20)
before_disconnect = list(events)
protocol = int(client.protocol)
client.disconnect()
client.loop_stop()
print("expected: one offer ('MQTT', 4), then on_connect with 'Unsupported protocol version'")
print("offers that the broker saw:", offers)
print("callbacks:", before_disconnect, "client.protocol:", protocol)
if offers != [("MQTT", 4), ("MQIsdp", 3)] or protocol != int(mqtt.MQTTv31):
    sys.exit("changed: the client no longer falls back to MQTT 3.1")
if before_disconnect != ["on_connect Success"]:
    sys.exit("changed: the refusal is reported now")
print("seen: the refusal is swallowed, the protocol is another one than the program chose")
PY

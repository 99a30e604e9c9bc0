#!/usr/bin/env bash
# paho-mqtt: a message that was published offline is delivered, but its handle says 'failed' for good.
# Expected: publish() before the connection fails and drops the message, or it is queued and
# is_published() turns True once the broker has acknowledged it.
# Seen: rc 4 ('not currently connected'), then QoS 1 is sent and acknowledged after the connect and
# on_publish fires for it, while is_published() and wait_for_publish() of its handle keep raising.
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
delivered = []


def receive(peer):
    """Return the type and the body of one MQTT packet (all here are shorter than 128 bytes)."""
    header = peer.recv(2, socket.MSG_WAITALL)
    return (header[0], peer.recv(header[1], socket.MSG_WAITALL)) if header else (0, b"")


def serve(listener):
    peer, _ = listener.accept()
    while True:
        kind, body = receive(peer)
        if kind >> 4 == 1:  # CONNECT: accept
            peer.sendall(b"\x20\x02\x00\x00")
        elif kind >> 4 == 3:  # PUBLISH of QoS 1: acknowledge
            topic_end = 2 + int.from_bytes(body[:2], "big")
            delivered.append(body[2:topic_end].decode())
            peer.sendall(b"\x40\x02" + body[topic_end : topic_end + 2])
        elif kind == 0 or kind >> 4 == 14:
            return


def state(info):
    try:
        return info.is_published()
    except RuntimeError as error:
        return f"RuntimeError: {error}"


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="reader")
acknowledged, event = [], threading.Event()
client.on_publish = lambda client, userdata, mid, code, properties: (
    acknowledged.append(mid),
    event.set(),
)
early = client.publish("meter/early", "1", qos=1)
print("offline: rc", early.rc, "is_published:", state(early))
client.connect("127.0.0.1", listener.getsockname()[1])
client.loop_start()
event.wait(20)
late = client.publish("meter/late", "2", qos=1)
late.wait_for_publish(20)
client.disconnect()
client.loop_stop()
print("delivered to the broker:", delivered, "on_publish for mids", sorted(acknowledged))
print("late message: rc", late.rc, "is_published:", state(late))
print("early message, expected is_published: True; seen:", state(early))
if delivered != ["meter/early", "meter/late"] or early.mid not in acknowledged:
    sys.exit("changed: the early message is no longer delivered and reported by on_publish")
if early.rc != mqtt.MQTT_ERR_NO_CONN or not str(state(early)).startswith("RuntimeError"):
    sys.exit("changed: the handle of the early message tells the truth now")
PY

#!/usr/bin/env bash
# The broker amqtt delivers every message with the subscriber's quality of service, not the lower one.
# Expected: MQTT 3.1.1 (3.8.4) demands the smaller of the two levels: what was published with QoS 0
# reaches a QoS 1 or 2 subscriber with QoS 0, so that a sender can choose "at most once".
# Seen: published with QoS 0, delivered with QoS 1 or 2, live and retained; each reading of a camera
# that was sent to be forgotten is stored and acknowledged, with QoS 2 by four packets.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    amqtt==0.12.1 paho-mqtt==2.2.0

venv/bin/python - <<'PY'
import asyncio
import importlib.metadata
import logging
import socket
import sys
import threading

import paho.mqtt.client
from amqtt.broker import Broker

logging.disable(logging.CRITICAL)
print("amqtt", importlib.metadata.version("amqtt"), "paho", importlib.metadata.version("paho-mqtt"))
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
LEVELS = (0, 1, 2)


def connect():
    """Return a connected client whose events tell that it is connected and subscribed."""
    client = paho.mqtt.client.Client(paho.mqtt.client.CallbackAPIVersion.VERSION2)
    connected, client.subscribed = threading.Event(), threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.on_subscribe = lambda *_: client.subscribed.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not connected.wait(10):
        sys.exit("no connection to the broker")
    return client


def deliveries(retained):
    """Return (published with, subscribed with) -> delivered with."""
    sender, receiver = connect(), connect()
    kind = "retained" if retained else "live"
    came, all_came = {}, threading.Event()

    def note(_client, _data, message):
        published, subscribed = message.topic.split("/")[1:]
        came[int(published), int(subscribed)] = message.qos
        if len(came) == len(LEVELS) ** 2:
            all_came.set()

    receiver.on_message = note

    def publish():
        for published in LEVELS:
            for subscribed in LEVELS:
                topic = f"{kind}/{published}/{subscribed}"
                sender.publish(topic, "00042", published, retained).wait_for_publish(10)

    def subscribe():
        for subscribed in LEVELS:
            receiver.subscribed.clear()
            receiver.subscribe(f"{kind}/+/{subscribed}", subscribed)
            receiver.subscribed.wait(10)

    for step in (publish, subscribe) if retained else (subscribe, publish):
        step()
    if not all_came.wait(10):
        sys.exit(f"changed: only {came} came")
    for client in (sender, receiver):
        client.disconnect()
        client.loop_stop()
    return came


async def run():
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    broker = Broker({"listeners": listeners, "plugins": anonymous})
    await broker.start()
    try:
        return [await asyncio.to_thread(deliveries, retained) for retained in (False, True)]
    finally:
        await broker.shutdown()


live, retained = asyncio.run(run())
print("published, subscribed: expected, delivered live, delivered when retained")
for pair in sorted(live):
    print(f"        {pair[0]},          {pair[1]}:        {min(pair)}, {live[pair]}, {retained[pair]}")
if any(qos != subscribed for (_, subscribed), qos in live.items()):
    sys.exit("changed: a live message does not have the subscriber's level")
if any(retained[0, level] != level for level in LEVELS):
    sys.exit("changed: a retained message of QoS 0 does not have the subscriber's level")
print("seen: QoS 0 becomes 1 and 2, and 1 becomes 2")
PY

"""Drives python3-paho-mqtt by JSON lines, so that tests can take it through a matrix step by step.

Commands on standard input, one a line:
  {"do": "connect", "port": N, "host": S, "version": 3|4|5, "client_id": S, "clean": B, "keepalive": N,
   "username": S, "password": S, "will": {"topic": S, "payload": S, "qos": N, "retain": B},
   "session_expiry": N, "cafile": S, "certfile": S, "keyfile": S}
  {"do": "subscribe", "topic": S, "qos": N, "properties": {…}}      {"do": "unsubscribe", "topic": S}
  {"do": "publish", "topic": S, "payload": S, "qos": N, "retain": B, "properties": {…}}
  {"do": "disconnect"}                           {"do": "break_off"}   (closes the socket without DISCONNECT)
Properties have paho's names ("UserProperty": [[name, value], …]), and only MQTT 5 has them; a message event gives its own.
Events on standard output: connected, subscribed, unsubscribed, published, message, disconnected, failed.
"""

import json
import socket
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

VERSIONS = {3: mqtt.MQTTv31, 4: mqtt.MQTTv311, 5: mqtt.MQTTv5}
client = None


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def number(code):
    return code if isinstance(code, int) else code.value


def on_connect(_client, _userdata, flags, code, _properties=None):
    tell("connected", reason_code=number(code), session_present=bool(flags.get("session present")))


def on_message(_client, _userdata, message):
    fields = {"payload": message.payload.decode(), "qos": message.qos, "retain": bool(message.retain)}
    properties = getattr(message, "properties", None)
    if properties is not None:
        fields["properties"] = properties.json()
    tell("message", topic=message.topic, **fields)


def properties_of(packet_type, command):
    if "properties" not in command:
        return None
    made = Properties(packet_type)
    for name, value in command["properties"].items():
        for each in value if name == "UserProperty" else [value]:
            setattr(made, name, tuple(each) if name == "UserProperty" else each)
    return made


def on_subscribe(_client, _userdata, _mid, codes, _properties=None):
    tell("subscribed", reason_codes=[number(code) for code in codes])


def make(command):
    version = command.get("version", 4)
    arguments = {"client_id": command.get("client_id", ""), "protocol": VERSIONS[version]}
    if version != 5:
        arguments["clean_session"] = command.get("clean", True)
    made = mqtt.Client(**arguments)
    made.on_connect = on_connect
    made.on_message = on_message
    made.on_subscribe = on_subscribe
    made.on_unsubscribe = lambda *_: tell("unsubscribed")
    made.on_publish = lambda *_: tell("published")
    made.on_disconnect = lambda _c, _u, code, *_: tell("disconnected", reason_code=number(code))
    if "username" in command:
        made.username_pw_set(command["username"], command.get("password"))
    if "will" in command:
        made.will_set(**command["will"])
    if "cafile" in command:
        made.tls_set(command["cafile"], command.get("certfile"), command.get("keyfile"))
    return made


def connect(command):
    global client
    if client is not None:
        client.loop_stop()
    client = make(command)
    arguments = {"host": command.get("host", "127.0.0.1"), "port": command["port"], "keepalive": command.get("keepalive", 60)}
    if command.get("version") == 5:
        arguments["clean_start"] = command.get("clean", True)
        if "session_expiry" in command:
            arguments["properties"] = Properties(PacketTypes.CONNECT)
            arguments["properties"].SessionExpiryInterval = command["session_expiry"]
    client.connect(**arguments)
    client.loop_start()


def run(command):
    verb = command["do"]
    if verb == "connect":
        connect(command)
    elif verb == "subscribe":
        properties = properties_of(PacketTypes.SUBSCRIBE, command)
        client.subscribe(command["topic"], command.get("qos", 0), properties=properties)
    elif verb == "unsubscribe":
        client.unsubscribe(command["topic"])
    elif verb == "publish":
        properties = properties_of(PacketTypes.PUBLISH, command)
        qos, retain = command.get("qos", 0), command.get("retain", False)
        client.publish(command["topic"], command.get("payload", ""), qos, retain, properties)
    elif verb == "disconnect":
        client.disconnect()
    elif verb == "break_off":
        # Stops first, so that the loop does not reconnect; the shutdown then wakes it at once.
        stopping = threading.Thread(target=client.loop_stop)
        stopping.start()
        client.socket().shutdown(socket.SHUT_RDWR)
        stopping.join()
    else:
        raise ValueError(f"no such command: {verb}")


for line in sys.stdin:
    try:
        run(json.loads(line))
    except Exception as error:  # told to the test, which decides
        tell("failed", message=str(error))

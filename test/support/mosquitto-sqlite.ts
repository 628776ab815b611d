// The tables of Mosquitto 2.1's plugin `mosquitto_persist_sqlite`, which Debian does not have yet.

/** Of schema 1.1. */
export const sqliteSchema = `
  CREATE TABLE base_msgs (store_id INT64 PRIMARY KEY, expiry_time INT64, topic STRING NOT NULL, payload BLOB, source_id STRING,
    source_username STRING, payloadlen INTEGER, source_mid INTEGER, source_port INTEGER, qos INTEGER, retain INTEGER,
    properties STRING);
  CREATE TABLE retains (topic STRING PRIMARY KEY, store_id INT64);
  CREATE TABLE clients (client_id TEXT PRIMARY KEY, username TEXT, connection_time INT64, will_delay_time INT64,
    session_expiry_time INT64, listener_port INT, max_packet_size INT, max_qos INT, retain_available INT,
    session_expiry_interval INT, will_delay_interval INT);
  CREATE TABLE subscriptions (client_id TEXT NOT NULL, topic TEXT NOT NULL, subscription_options INTEGER,
    subscription_identifier INTEGER, PRIMARY KEY (client_id, topic));
  CREATE TABLE client_msgs (client_id TEXT NOT NULL, cmsg_id INT64, store_id INT64, dup INTEGER, direction INTEGER, mid INTEGER,
    qos INTEGER, retain INTEGER, state INTEGER, subscription_identifier INTEGER);
  CREATE TABLE version_info (component TEXT NOT NULL, major INTEGER NOT NULL, minor INTEGER NOT NULL, patch INTEGER NOT NULL);
  CREATE TABLE wills (client_id TEXT PRIMARY KEY, payload BLOB, topic STRING NOT NULL, payloadlen INTEGER, qos INTEGER,
    retain INTEGER, properties STRING);
  INSERT INTO version_info VALUES ('database_schema', 1, 1, 0);
`

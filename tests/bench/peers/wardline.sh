#!/bin/sh
# Wardline as one peer of a comparison: MQTT QoS 1 on `vitals/bed-N` in, Kafka out, called with its work directory.
# Environment: MQTT_PORT, KAFKA_PORT, CLIENT_ID, BIN (holds wardline-agent), TOPIC. Readings go to the topic that
# records of this schema always go to, vitals.readings.v1: the comparison is run with TOPIC=vitals.readings.v1.
set -eu
work=$1
if [ "$TOPIC" != vitals.readings.v1 ]; then
    echo "readings go to vitals.readings.v1, not to $TOPIC: run the comparison with TOPIC=vitals.readings.v1" >&2
    exit 64
fi
cp "$(dirname "$0")/../../../config/alarms.toml" "$work/alarms.toml"
{
    cat <<END
[agent]
id = "$CLIENT_ID"
state_dir = "$work/state"
run_dir = "$work/run"
http = "off"
[unit]
id = "bench"
label = "Bench"
profile = "adult"
[kafka]
brokers = ["127.0.0.1:$KAFKA_PORT"]
security = "plaintext"
[mqtt.ward]
url = "mqtt://127.0.0.1:$MQTT_PORT"
client_id = "$CLIENT_ID"
[[source]]
id = "monitor"
mqtt = "ward"
topic = "vitals/{bed}"
format = "wardline"
period = "1s"
END
    bed=0
    while [ $bed -lt 64 ]; do
        printf '[[bed]]\nid = "bed-%d"\n' $bed
        bed=$((bed + 1))
    done
} >"$work/wardline.toml"
exec "$BIN/wardline-agent" run --config "$work/wardline.toml"

#!/bin/sh
# Makes the secrets that compose.yaml mounts, each once; what is there already stays.
set -eu

folder="${1:-$(dirname "$0")/secrets}"
umask 077
mkdir -p "$folder"

make() {
  if [ ! -e "$folder/$1" ]; then
    cat >"$folder/$1"
    echo "made $folder/$1"
  fi
}

random() {
  head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'
}

random 24 | make postgres_password
random 24 | make airflow_database_password
random 24 | make metadata_database_password
random 24 | make redis_password
random 32 | make airflow_secret_key
random 64 | make airflow_jwt_secret
# Fernet's form: 32 bytes in URL-safe base64.
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | make airflow_fernet_key
printf '{"admin": "%s"}\n' "$(random 12)" | make airflow_passwords.json

# Compose mounts the files as they are; the containers' user has to read them.
if [ "$(id -u)" = 0 ]; then
  chown -R 10001:10001 "$folder"
  chown 999:10001 "$folder/postgres_password" "$folder/redis_password"
fi
chmod 750 "$folder"
chmod 640 "$folder"/*

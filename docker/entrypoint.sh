#!/bin/sh
# Makes Airflow's settings of the secrets' files, so that no secret is in an image, in compose.yaml or in .env.
set -eu
umask 077

folder="${SECRETS_FOLDER:-/run/secrets}"

secret() {
  if [ ! -r "$folder/$1" ]; then
    echo "entrypoint: the secret $folder/$1 cannot be read; docker/make-secrets.sh makes it" >&2
    exit 78
  fi
  tr -d '\n' <"$folder/$1"
}

password="$(secret airflow_database_password)"
database="postgresql+psycopg://airflow:$password@${DATABASE_HOST:-postgres}:5432/airflow"
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="$database"
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC="$database"
AIRFLOW__API__SECRET_KEY="$(secret airflow_secret_key)"
AIRFLOW__API_AUTH__JWT_SECRET="$(secret airflow_jwt_secret)"
AIRFLOW__CORE__FERNET_KEY="$(secret airflow_fernet_key)"
# Airflow opens this one to write.
secret airflow_passwords.json >"$AIRFLOW_HOME/passwords.json"
export AIRFLOW__API__SECRET_KEY AIRFLOW__API_AUTH__JWT_SECRET AIRFLOW__CORE__FERNET_KEY

if [ "${AIRFLOW__CORE__EXECUTOR:-}" = CeleryExecutor ]; then
  password="$(secret redis_password)"
  export AIRFLOW__CELERY__BROKER_URL="redis://:$password@${REDIS_HOST:-redis}:6379/0"
  export AIRFLOW__CELERY__RESULT_BACKEND="db+$database"
fi

exec "$@"

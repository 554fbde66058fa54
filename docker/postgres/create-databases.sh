#!/bin/bash
# Run once by the postgres image, on an empty volume: a user and a database each for Airflow and ML Metadata.
set -euo pipefail

for name in airflow metadata; do
  password="$(tr -d '\n' <"/run/secrets/${name}_database_password")"
  psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --set=name="$name" --set=password="$password" <<'SQL'
CREATE USER :"name" PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
SQL
done

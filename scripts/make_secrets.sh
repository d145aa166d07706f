#!/usr/bin/env bash
# Make the secrets that docker-compose.yml reads, with random values; an existing file is kept.
# The folder is closed to other users. Its files are readable, because Compose hands them to the
# containers' own users with the rights they have here.
set -euo pipefail
folder=${1:-"$(dirname "$0")/../secrets"}

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'; }
keep() { # name, value
    if [[ ! -e $folder/$1.txt ]]; then
        printf '%s' "$2" >"$folder/$1.txt"
        echo "made $folder/$1.txt"
    fi
}

mkdir -p "$folder"
chmod 0700 "$folder"
echo '*' >"$folder/.gitignore"
umask 022
keep fernet_key "$(random 32)" # exactly 32 bytes in URL-safe base64
keep api_secret_key "$(random 48)"
keep jwt_secret "$(random 48)"
keep airflow_passwords "{\"admin\": \"$(random 18)\"}"
keep airflow_database_password "$(random 24 | tr -d '=')"
keep airflow_database_url \
    "postgresql+psycopg2://airflow:$(cat "$folder/airflow_database_password.txt")@postgres:5432/airflow"

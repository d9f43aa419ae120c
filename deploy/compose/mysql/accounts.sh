#!/usr/bin/env bash
# A schema and a user per service, who can touch no other schema; and one who reads them all, for deploy/audit.
# The image runs this once, when its data folder is new. Passwords come from the environment and must hold no quote.
set -euo pipefail

account() { # name, password
    echo "CREATE USER IF NOT EXISTS 'crossborder_$1'@'%' IDENTIFIED BY '$2';"
}

{
    for service in identity catalog orders payments notifications; do
        password="${service^^}_DB_PASSWORD"
        account "$service" "${!password}"
        echo "CREATE DATABASE IF NOT EXISTS \`crossborder_$service\` CHARACTER SET utf8mb4;"
        echo "GRANT ALL ON \`crossborder\\_$service\`.* TO 'crossborder_$service'@'%';"
    done
    account audit "$AUDIT_DB_PASSWORD"
    echo "GRANT SELECT ON \`crossborder\\_%\`.* TO 'crossborder_audit'@'%';"
} | MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --protocol=socket --user=root

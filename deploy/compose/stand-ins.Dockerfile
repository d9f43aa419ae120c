# The mailbox and the sandbox payment provider: docker build -f deploy/compose/stand-ins.Dockerfile .
ARG BASE=python:3.13-slim
FROM ${BASE}
COPY requirements-dev.txt /build/
# Of the development lock only what the mailbox needs, hashes included.
RUN awk '/^[^ ]/ { wanted = /^(aiosmtpd|atpublic|attrs)==/ } wanted' /build/requirements-dev.txt >/build/wanted.txt \
    && python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /build/wanted.txt \
    && install -d -o 10001 -g 10001 /var/lib/mailbox /var/lib/sandbox
COPY deploy/mailbox /app/deploy/mailbox
COPY deploy/sandbox_provider /app/deploy/sandbox_provider
COPY deploy/compose/health.py /app/deploy/
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001

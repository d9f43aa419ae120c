# One image for all roles of one service: docker build -f deploy/compose/service.Dockerfile --build-arg SERVICE=orders .
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ARG SERVICE
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev default-libmysqlclient-dev pkg-config
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY services/${SERVICE}/requirements.txt /build/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /build/requirements.txt
COPY libs /build/libs
RUN pip install --no-cache-dir --no-deps /build/libs/outbox /build/libs/auth_jwt /build/libs/chassis
COPY deploy/gunicorn.py deploy/topics.toml deploy/compose/health.py /app/deploy/
COPY services/${SERVICE} /app/services/${SERVICE}
WORKDIR /app/services/${SERVICE}
# The settings refuse to load without secrets; these sign nothing and stay in this stage's one command.
RUN SECRET_KEY=collectstatic-signs-nothing ORDER_TOKEN_KEY=collectstatic-signs-nothing \
    python manage.py collectstatic --noinput --verbosity 0 && python -m compileall -q /app

FROM ${BASE}
ARG SERVICE
RUN apt-get update && apt-get install -y --no-install-recommends libmariadb3 && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 crossborder \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp crossborder \
    && install -d -o 10001 -g 10001 /var/lib/crossborder/media
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    CROSSBORDER_ROOT=/app SERVICE=${SERVICE} DJANGO_SETTINGS_MODULE=${SERVICE}.settings
WORKDIR /app/services/${SERVICE}
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "/app/deploy/health.py", "url", "http://127.0.0.1:8000/livez"]
CMD ["sh", "-c", "exec gunicorn $SERVICE.wsgi:application -c /app/deploy/gunicorn.py --bind 0.0.0.0:8000"]

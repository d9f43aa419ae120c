# nginx with deploy/gateway and the API documentation: docker build -f deploy/compose/gateway.Dockerfile .
ARG PYTHON=python:3.13-slim
ARG NGINX=nginx:1.28-alpine

FROM ${PYTHON} AS assets
COPY requirements-dev.txt /build/
RUN awk '/^[^ ]/ { wanted = /^drf-spectacular-sidecar==/ } wanted' /build/requirements-dev.txt >/build/wanted.txt \
    && python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /build/wanted.txt \
    && cp -r /opt/venv/lib/python3*/site-packages/drf_spectacular_sidecar/static/drf_spectacular_sidecar /assets

FROM ${NGINX}
# `server name resolve;` needs nginx 1.27.3. The media folder is the services' own, whoever mounts the new volume first.
RUN mkdir -p /var/lib/crossborder/media && chown 10001:10001 /var/lib/crossborder/media
COPY --from=assets /assets/swagger-ui-dist /usr/share/crossborder/swagger-ui-dist
COPY docs/openapi.json /usr/share/crossborder/openapi.json
COPY deploy/gateway /etc/nginx/crossborder
COPY deploy/gateway/gateway.conf.template /etc/nginx/templates/gateway.conf.template
COPY deploy/compose/gateway/nginx.conf /etc/nginx/nginx.conf
# The image's own entrypoint fills in the template; /tmp is the only place that it may write to.
ENV NGINX_ENVSUBST_OUTPUT_DIR=/tmp \
    NGINX_ENVSUBST_FILTER='^(GATEWAY_|OPERATORS_|MEDIA_ROOT)|_(UPSTREAM|FLOWER)$' \
    GATEWAY_LOG=/dev/stdout \
    GATEWAY_OPENAPI=/usr/share/crossborder/openapi.json \
    GATEWAY_DOCS_ASSETS=/usr/share/crossborder/swagger-ui-dist \
    MEDIA_ROOT=/var/lib/crossborder/media
USER 101:101
EXPOSE 8080

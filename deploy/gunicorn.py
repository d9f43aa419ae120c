"""gunicorn's settings for every service's web role; `WEB_CONCURRENCY`, its own variable, says how many processes."""

worker_class = "gthread"
threads = 8
keepalive = 30  # longer than the gateway's 20 s, so that a kept connection is never closed under a request
timeout = 60
graceful_timeout = 30
max_requests = 20_000
max_requests_jitter = 2_000
worker_tmp_dir = "/dev/shm"  # noqa: S108  a heartbeat file that must not wait for a disk
control_socket_disable = True
accesslog = None  # the gateway and the service itself log requests
errorlog = "-"

# One image for the gateway and for every service: the command says which of them runs.

FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels .
# By its path, not by its name: what a package index has under that name is not asked for.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/lockgate && \
    pip --python /opt/lockgate/bin/python install "$(echo /wheels/lockgate-*.whl)[gateway,regexes]"

FROM python:3.13-slim
COPY --from=build /opt/lockgate /opt/lockgate
ENV PATH=/opt/lockgate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_PORT=8080 \
    SERVICE_HOST=0.0.0.0
# A number: that it is not root can be told without looking into the image.
USER 10001:10001
EXPOSE 8080 8000-8004
STOPSIGNAL SIGTERM
# `up --wait` waits for it. A service's container sets SERVICE_PORT, the gateway's does not.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-SIc", "import http.client, os, sys; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SERVICE_PORT') or os.environ['GATEWAY_PORT']), timeout=2); connection.request('GET', '/ready'); sys.exit(connection.getresponse().status != 200)"]
# The list form: signals reach Python, not a shell.
CMD ["python", "-m", "gateway"]

# One image for the gateway and for every service: the command says which of them runs. It has Python, what it
# needs of Debian, and Lockgate: no shell, no package manager, no pip (docs/decisions/0037-the-image.md).

# Renewed by `deploy/update-images`, or by Renovate or Dependabot: then everything below comes anew.
FROM debian:trixie-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a AS build
RUN apt-get update && \
    apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-pip
# The root of the image, of the files of Debian's packages. `status.d` tells scanners which ones they are.
WORKDIR /packages
RUN apt-get download libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libssl3t64 libffi8 libbz2-1.0 liblzma5 libzstd1 \
        python3.13-minimal libpython3.13-minimal libpython3.13-stdlib && \
    mkdir -p /image/var/lib/dpkg/status.d /image/usr/lib64 && \
    for package in *.deb; do \
        dpkg-deb --extract "$package" /image && \
        dpkg-deb --field "$package" > "/image/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)" || exit 1; \
    done
WORKDIR /image
# What no program here uses: conversions between character sets, modules whose libraries are not there, tests,
# documents except for licences.
RUN rm -r usr/lib/*-linux-gnu/gconv usr/share/man usr/share/lintian && \
    find usr/share/doc ! -type d ! -name copyright -delete && \
    cd usr/lib/python3.13 && \
    rm -rf curses dbm ensurepip idlelib lib2to3 pydoc_data sqlite3 test tkinter turtle.py turtledemo && \
    cd lib-dynload && \
    rm -f _curses* _dbm* _gdbm* _sqlite3* _test* _uuid* _xx* xx* readline*
RUN ln -s usr/bin usr/lib usr/lib64 . && ln -s python3.13 usr/bin/python3 && \
    mkdir -m 1777 tmp && mkdir -p etc/ssl/certs usr/lib/ssl && \
    cp /etc/os-release etc/ && cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ && \
    ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem && \
    echo 'root:x:0:0:root:/:/nonexistent' > etc/passwd && \
    echo 'lockgate:x:10001:10001:Lockgate:/tmp:/nonexistent' >> etc/passwd && \
    printf 'root:x:0:\nlockgate:x:10001:\n' > etc/group && \
    echo 'hosts: files dns' > etc/nsswitch.conf
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels .
# By its path, not by its name: what a package index has under that name is not asked for.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv --without-pip /opt/lockgate && \
    pip --python /opt/lockgate/bin/python install --no-compile "$(echo /wheels/lockgate-*.whl)[gateway,regexes]"
# Symbols for debuggers, and sources of what is compiled, are a third of it. Python compiles nothing where the
# file system is read-only, so it is done here.
RUN find /opt/lockgate -name '*.so*' -exec strip --strip-unneeded {} + && \
    find /opt/lockgate -regex '.*\.\(pyi\|pyx\|pxd\|pxi\|c\|h\)' -delete && \
    rm -rf /opt/lockgate/lib/python3.13/site-packages/supervisor/tests && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /opt/lockgate /image/usr/lib/python3.13 && \
    cp -a --parents /opt/lockgate /image

FROM scratch
COPY --from=build /image /
ENV PATH=/opt/lockgate/bin:/usr/bin \
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

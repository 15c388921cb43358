# The image of a worker: pinned dependencies, the built wheel, no source, no compiler, no root.
#   docker build -t ebbline .
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# Dependencies first: their layer stays while only the code changes.
COPY requirements/base.txt requirements/build.txt requirements/
RUN python -m venv /opt/ebbline \
 && /opt/ebbline/bin/pip install --require-hashes -r requirements/base.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY models models
COPY streams streams
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
 && /opt/ebbline/bin/pip install --no-deps /dist/ebbline-*.whl \
 && /opt/ebbline/bin/pip uninstall -y pip setuptools

FROM python:3.11-slim
RUN groupadd --system --gid 10001 ebbline \
 && useradd --system --uid 10001 --gid ebbline --no-create-home --home-dir /nonexistent ebbline \
 && install -d -o ebbline -g ebbline /work /var/lib/ebbline
COPY --from=build /opt/ebbline /opt/ebbline
# PYTHONSAFEPATH and an empty working directory: nothing that lies around (a mounted folder named
# `streams`, say) can be imported instead of the installed packages.
ENV PATH=/opt/ebbline/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EBBLINE_CONFIG=/etc/ebbline/ebbline.toml
USER ebbline
WORKDIR /work
EXPOSE 8080
# Alive? Whether it is READY (partitions assigned, Redis there) is asked in docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=3)"]
ENTRYPOINT ["ebbline"]
CMD ["worker"]

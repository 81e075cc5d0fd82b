# Samram in a container: the web server on port 8000, everything it stores under /data.
#
#   docker build -t samram .
#   docker run -p 8000:8000 -v samram-data:/data samram
#
# What is installed, and how, stands in scripts/install-app.sh alone; .ci/run installs with the same script.

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE requirements.lock hatch_build.py package.json package-lock.json ./
COPY scripts scripts
COPY optimizer optimizer
COPY geodata geodata
COPY scenarios scenarios
COPY service service
# Compiled for the builder's processor: on another model it is compiled again, once, and said so. NUMBA_CPU_NAME=generic in
# both stages would serve all models, but makes travel matrices twice as slow.
ENV NUMBA_CACHE_DIR=/var/cache/samram
RUN scripts/install-app.sh /opt/samram

FROM python:3.12-slim
COPY --from=build /opt/samram /opt/samram
# A fixed number, so that the owner of a bind-mounted /data can be set before the first start.
RUN useradd --system --uid 10001 --no-create-home --home-dir /data samram \
    && install --directory --owner=samram --group=samram /data
# The user may not write into the installation; compiled loops are found only where the user may write.
COPY --from=build --chown=samram:samram /var/cache/samram /var/cache/samram
ENV PATH=/opt/samram/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SAMRAM_HOME=/data \
    NUMBA_CACHE_DIR=/var/cache/samram
USER samram
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["samram", "serve", "--host", "0.0.0.0", "--port", "8000"]

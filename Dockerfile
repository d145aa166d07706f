# One image for every Airflow component and for the command line. See docs/guides/deploy.md.
FROM python:3.11-slim-bookworm AS environment

ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir uv==0.13.9
WORKDIR /opt/stillwatch
COPY requirements.lock ./
RUN /opt/uv/bin/uv venv --quiet --python /usr/local/bin/python .venv \
    && /opt/uv/bin/uv pip sync --quiet --no-cache --python .venv/bin/python \
    --require-hashes --compile-bytecode requirements.lock


FROM python:3.11-slim-bookworm

# What the PDF renderer loads, and nothing else.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends \
    libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 libharfbuzz0b libfontconfig1 \
    fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

RUN groupadd --gid 10001 stillwatch \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin stillwatch \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/stillwatch /var/lib/airflow/logs /landing

WORKDIR /opt/stillwatch
COPY --from=environment /opt/stillwatch/.venv ./.venv
COPY . .
RUN printf '#!/bin/sh\nexec /opt/stillwatch/.venv/bin/python -c "from stillwatch.cli import main; main()" "$@"\n' \
    > /usr/local/bin/stillwatch \
    && chmod 0755 /usr/local/bin/stillwatch \
    && .venv/bin/python -m compileall -q src dags

# The root file system may be read-only: what must be written goes to volumes or to /tmp.
ENV PATH=/opt/stillwatch/.venv/bin:$PATH \
    PYTHONPATH=/opt/stillwatch/src \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    XDG_CACHE_HOME=/tmp/cache \
    AIRFLOW_HOME=/tmp/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/stillwatch/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/var/lib/airflow/logs \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false \
    DO_NOT_TRACK=1 \
    GX_ANALYTICS_ENABLED=False \
    STILLWATCH_HOME=/var/lib/stillwatch \
    STILLWATCH_LANDING_URI=/landing \
    STILLWATCH_CONFIG=/opt/stillwatch/config

USER 10001:10001
VOLUME ["/var/lib/stillwatch", "/var/lib/airflow/logs"]
CMD ["stillwatch", "--help"]

# docker build -t leitmotif . && docker run --rm -v "$PWD:/data" leitmotif curate videos --out work
FROM python:3.11-slim-bookworm AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.11-slim-bookworm
COPY constraints.txt /constraints.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --constraint /constraints.txt "$(ls /wheels/*.whl)[collect,datasets,demo]" \
    && rm -r /wheels
ENV DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false LEITMOTIF_MODELS=/models
# Whoever runs it may fetch others beside them.
RUN mkdir -m 777 /models && leitmotif fetch-models --profile embedded
# What is written belongs to whoever runs it: docker run --user "$(id -u):$(id -g)".
ENV HOME=/tmp
WORKDIR /data
ENTRYPOINT ["leitmotif"]
CMD ["--help"]

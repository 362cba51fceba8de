# syntax=docker/dockerfile:1

# Build: Swift's standard library is linked statically, the C libraries come from the distribution. What is built on
# Debian 12 runs on Debian 13, whose librdkafka (2.8) can also log in with SCRAM at Kafka 4.
FROM swift:6.3-bookworm AS build
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends \
        libcurl4-openssl-dev libmicrohttpd-dev librdkafka-dev libuv1-dev libyaml-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
RUN swift build -c release --static-swift-stdlib --product revoke-worker \
    && strip -o /revoke-worker "$(swift build -c release --static-swift-stdlib --show-bin-path)/revoke-worker"

FROM debian:trixie-slim
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends \
        ca-certificates libcurl4t64 libmicrohttpd12t64 librdkafka1 libstdc++6 libuv1t64 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /revoke-worker /usr/local/bin/revoke-worker
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
EXPOSE 8480
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["revoke-worker", "health"]
ENTRYPOINT ["/usr/local/bin/revoke-worker"]
CMD ["run", "--config", "/etc/revoke-worker/worker.yaml"]

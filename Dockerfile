# docker build -t orcestator .
# docker run -e OR_API_KEY=… -e OR_ANONYMOUS=private -p 127.0.0.1:8000:8000 orcestator
#
# OR_ANONYMOUS is not set in here on purpose: a container published on all interfaces would be an open relay.

# The C library of the system the image is for.
FROM docker.io/library/debian:bookworm-slim AS libraries

# Builds on the machine's own system for any other one.
FROM --platform=$BUILDPLATFORM docker.io/library/node:22-bookworm-slim AS build
WORKDIR /source
COPY . .
COPY --from=libraries /usr/lib /system/usr/lib
# Shown by `orcestator version`; there is no .git in here: --build-arg ORCESTATOR_COMMIT=$(git rev-parse HEAD)
ARG ORCESTATOR_COMMIT
ARG TARGETARCH
RUN target="linux-$(echo "$TARGETARCH" | sed s/amd64/x64/)" \
  && node scripts/with-bun.mjs run build "$target" \
  && node scripts/with-bun.mjs scripts/image-root.ts "dist/orcestator-$target" /system /image

FROM scratch
LABEL org.opencontainers.image.title="Orcestator" \
  org.opencontainers.image.description="One executable LLM gateway: any client in, any provider out" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /image/root /
COPY --from=build --chown=65532:65532 /image/writable /
ENV OR_HOST=0.0.0.0 \
  OR_LOG_FILE=/logs/traffic.log \
  OR_DB_PATH=/data/orcestator.db
# Relative paths in a configuration file, and the file itself, are looked for here.
WORKDIR /data
USER 65532:65532
VOLUME ["/data", "/logs"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/orcestator", "health"]
ENTRYPOINT ["/orcestator"]
CMD ["serve"]

# docker build -f deploy/docker/edge.Dockerfile -t flow-edge:dev .
# For production deploy/docker/build gives both images by digest, and the image says which BASE it was. A tag will do on a laptop.
# The Debian of both is the same, so that the C library that the program was linked to is the one that it finds.
ARG BUILD=rust:1.95.0-slim-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD} AS chef
ENV CARGO_PROFILE_RELEASE_STRIP=symbols
RUN cargo install --locked --version 0.1.78 cargo-chef
WORKDIR /src

# What is needed of the workspace to build the dependencies. It changes with the manifests alone.
FROM chef AS recipe
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
COPY --from=recipe /src/recipe.json .
RUN cargo chef cook --release --locked --package flow-edge --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package flow-edge

# glibc, libgcc, authorities, time zones and an empty /tmp: no shell, no package manager. tests/kubernetes/rootfs runs the program
# with less.
FROM ${BASE}
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="flow-edge" \
      org.opencontainers.image.description="HTTPS endpoint for WhatsApp Flows in front of a gRPC FlowService" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /src/target/release/flow-edge /usr/local/bin/flow-edge
# A number, because Kubernetes cannot tell of a name whether it is root.
USER 65532:65532
EXPOSE 8443 9464
ENTRYPOINT ["/usr/local/bin/flow-edge"]
CMD ["serve", "--config", "/etc/flow-edge/config/flow-edge.yaml"]

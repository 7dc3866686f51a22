# The server as one static binary in an empty image.
#
# Since 2.34, static glibc resolves names by files and DNS with its own code (docs/adr/0005), so no C library
# is needed at run time. RUSTUP_TOOLCHAIN keeps rustup from fetching the formatter and the linter that
# rust-toolchain.toml lists.
FROM rust:1.95-bookworm AS build
ENV RUSTUP_TOOLCHAIN=1.95.0 RUSTFLAGS="-C target-feature=+crt-static"
RUN apt-get update \
 && apt-get install -y --no-install-recommends protobuf-compiler libprotobuf-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
 && cargo build --release --locked --bin portcullis --target "$target" \
 && mkdir -p /out/data \
 && cp "target/$target/release/portcullis" /out/

FROM scratch
COPY --from=build --chown=65532:65532 /out/ /
USER 65532:65532
EXPOSE 6443
ENTRYPOINT ["/portcullis"]
CMD ["serve", "--bind-address=0.0.0.0", "--data-dir=/data"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
  CMD ["/portcullis", "healthcheck", "--server=https://127.0.0.1:6443"]

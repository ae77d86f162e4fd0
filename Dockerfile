# quietframe: the service and the command line, on the CPU.
# A tag moves. To pin it, build with --build-arg NODE=node:22-bookworm-slim@sha256:..., which
# `docker buildx imagetools inspect node:22-bookworm-slim` shows.
ARG NODE=node:22-bookworm-slim

FROM ${NODE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY assembly ./assembly
COPY src ./src
COPY viewer ./viewer
RUN npm run build

FROM ${NODE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts ./scripts
RUN npm ci --omit=dev && npm cache clean --force && sh scripts/prune-binaries.sh node_modules

FROM ${NODE}
LABEL org.opencontainers.image.title="quietframe" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    ORT_DISABLE_TELEMETRY=1 \
    QUIETFRAME_HOST=0.0.0.0 \
    QUIETFRAME_PORT=8080 \
    QUIETFRAME_GRPC_PORT=9090
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY package.json LICENSE ./
COPY models ./models
RUN ln -s /app/dist/cli/main.js /usr/local/bin/quietframe
# A number, so that Kubernetes can tell that it is not root. All files are root's, and the process writes to /tmp alone.
USER 1000:1000
EXPOSE 8080 9090
HEALTHCHECK --interval=15s --timeout=3s --start-period=120s --retries=4 \
  CMD ["node", "/app/dist/server/healthcheck.js"]
ENTRYPOINT ["quietframe"]
CMD ["serve"]

# The worker, and the `pgtrek` command: docker build --tag pgtrek .
# Debian, not Alpine: Temporal's SDK comes as a binary for glibc.
ARG NODE_IMAGE=node:24-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY .npmrc package.json package-lock.json ./
# Not `npm ci`: dev/setup/dependencies.mjs says why.
RUN npm install --no-save --no-audit --no-fund
COPY . .
# The optional dependencies are PostgreSQL servers for the demo and the tests.
RUN npm run build \
    && chmod 755 dist/cli/main.js \
    && npm prune --no-save --omit=dev --omit=optional

FROM ${NODE_IMAGE}
# pgtrek takes the oldest that can dump the source: 16 also restores into targets before 17, which 18 cannot.
ARG CLIENT_MAJORS="16 18"
# The newest come from PostgreSQL's own repository; its minor releases are always wanted, so no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && sh /usr/share/postgresql-common/pgdg/apt.*.sh -y \
    && for major in ${CLIENT_MAJORS}; do \
         apt-get install --yes --no-install-recommends "postgresql-client-${major}" || exit 1; \
       done \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY LICENSE ./
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# A new volume takes the owner of the folder that it is mounted on.
RUN ln -s /app/dist/cli/main.js /usr/local/bin/pgtrek \
    && install --directory --owner=node --group=node --mode=700 /var/lib/pgtrek
ENV NODE_ENV=production \
    PGTREK_DATA_DIR=/var/lib/pgtrek
VOLUME /var/lib/pgtrek
# The image's user node, by number: Kubernetes' runAsNonRoot knows no names.
USER 1000:1000
ENTRYPOINT ["pgtrek"]
CMD ["worker"]

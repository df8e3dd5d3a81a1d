# Rochdale. "make help" lists what can be made.
SHELL := /bin/bash
GO ?= go
LINT_VERSION := v2.15.0
TOOLS := $(CURDIR)/.tools

# What the tests need beside Go, by the command that shows it is there and the
# Debian package that has it.
PACKAGES := $(if $(wildcard /usr/lib/postgresql/*/bin/initdb),,postgresql) \
	$(if $(shell PATH="$$PATH:/usr/sbin" command -v pgbouncer),,pgbouncer) \
	$(if $(shell PATH="$$PATH:/usr/sbin" command -v dovecot),,dovecot-imapd) \
	$(if $(wildcard /usr/lib/dovecot/lmtp),,dovecot-lmtpd) \
	$(if $(wildcard /usr/lib/dovecot/modules/dict/libdriver_sqlite.so /usr/lib/dovecot/modules/libdriver_sqlite.so),,dovecot-sqlite) \
	$(if $(wildcard /usr/lib/dovecot/modules/dict/libdriver_pgsql.so /usr/lib/dovecot/modules/libdriver_pgsql.so),,dovecot-pgsql) \
	$(if $(wildcard /usr/lib/dovecot/modules/dict/libdriver_mysql.so /usr/lib/dovecot/modules/libdriver_mysql.so),,dovecot-mysql) \
	$(if $(shell PATH="$$PATH:/usr/sbin" command -v postfix),,postfix) \
	$(if $(wildcard /usr/lib/postfix/postfix-sqlite.so),,postfix-sqlite) \
	$(if $(wildcard /usr/lib/postfix/postfix-pgsql.so),,postfix-pgsql) \
	$(if $(wildcard /usr/lib/postfix/postfix-mysql.so),,postfix-mysql) \
	$(if $(shell PATH="$$PATH:/usr/sbin" command -v mariadbd),,mariadb-server) \
	$(if $(shell PATH="$$PATH:/usr/sbin" command -v slapd),,slapd) \
	$(if $(shell command -v jq),,jq) \
	$(if $(shell command -v pdftotext),,poppler-utils) \
	$(if $(shell command -v litmus),,litmus) \
	$(if $(shell command -v curl),,curl) \
	$(if $(shell command -v node),,nodejs) \
	$(if $(shell command -v npm),,npm)

.PHONY: help
help: ## list what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.PHONY: test
test: deps ## install what is missing, then run every test
	$(GO) vet ./...
	RAPID_SEED=1844 $(GO) test -timeout 30m ./...

.PHONY: explore
explore: deps ## hold the properties to a thousand histories each, drawn anew each time; "make test" always draws the same hundred
	RAPID_CHECKS=1000 $(GO) test -count=1 -timeout 3h $$(git grep -l pgregory.net/rapid -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's|^|./|')

.PHONY: race
race: deps ## the same under the race detector, which takes longer
	$(GO) test -race -timeout 60m ./...

.PHONY: deps
deps: ## install what the tests need (Debian; asks sudo for it unless run as root)
	@missing="$(strip $(PACKAGES))"; if [ -n "$$missing" ]; then \
		as=; [ "$$(id -u)" = 0 ] || as=sudo; \
		echo "installing: $$missing"; \
		$$as apt-get update -q && DEBIAN_FRONTEND=noninteractive $$as apt-get install -q -y --no-install-recommends $$missing; \
	fi

.PHONY: check
check: $(TOOLS)/golangci-lint generated ## lint; generated code is fresh; floors and columns hold
	$(TOOLS)/golangci-lint run
	$(GO) test -run 'TestArrowsPointDown' .

.PHONY: generated
generated: ## generate again, and fail if that changes anything
	$(GO) generate ./...
	git diff --exit-code -- graphql docs schema

.PHONY: bench
bench: ## measure against floors in the same run; takes minutes
	$(GO) run ./cmd/bench

.PHONY: build
build: ## build the program into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/rochdale ./cmd/rochdale

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

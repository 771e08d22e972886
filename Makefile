# Two commands: `make demo` and `make test`. Each makes .venv and installs the project where needed.

VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 12))

.PHONY: demo test lint types format clean

demo: $(VENV)/.installed
	@$(BIN)/pixelwitness demo

test: $(VENV)/.tested lint types
	@$(BIN)/python -m pytest -q -n auto

lint: $(VENV)/.tested
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.tested
	@$(BIN)/mypy

format: $(VENV)/.tested
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(VENV)/bin/python:
	@for candidate in "$(PYTHON)" python3.13 python3.12 python3.14 python3; do \
		if [ -n "$$candidate" ] && "$$candidate" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Pixelwitness needs Python 3.12 or newer: install it, or name one, as in: make demo PYTHON=/path/to/python3.13" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
		echo "$$found has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; \
	fi; \
	"$$found" -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Pixelwitness into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "Installing the test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) pixelwitness-demo dist build

# Two commands matter: `make run` and `make test`. Each is one program that make executes directly.
.DEFAULT_GOAL := help
.PHONY: help run test check chaos lock messages screenshots

help:
	@sed -n 's/^\([a-z]*\):.*## /  make \1  — /p' Makefile

run: ## start Pitstop (PORT, PITSTOP_HOST, PITSTOP_VAR, DATABASE_URL, PITSTOP_DEMO_PASSWORD)
	@sh tooling/with_python.sh base tooling.launch

test: ## run every test (ARGS="tests/maintenance -k drain" chooses some)
	@sh tooling/with_python.sh dev tooling.run_tests $(ARGS)

check: ## lint, format, types, migrations, deployment settings, the tree
	@sh tooling/with_python.sh dev tooling.run_checks

chaos: ## ten minutes of killed web processes, engines and PostgreSQL, written to bench/RESULTS.md (ARGS="--seconds 60")
	@sh tooling/with_python.sh dev bench.chaos --write $(ARGS)

lock: ## write requirements/*.txt anew from requirements/*.in
	@sh tooling/with_python.sh dev tooling.lock

messages: ## write locale/pitstop.pot anew from code and templates, and bring translations up to it
	@sh tooling/with_python.sh dev tooling.messages

screenshots: ## shoot every page in both themes and widths into var/screenshots (ARGS="FOLDER", ARGS=--readme)
	@sh tooling/with_python.sh dev tooling.screenshots $(ARGS)

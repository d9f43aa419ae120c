test-infra:  ## starts database, Redis and Kafka for the tests (`.run/test`)
	@python3 -m deploy.local infra --test

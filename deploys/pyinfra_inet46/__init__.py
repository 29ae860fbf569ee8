"""The pyinfra half of inet46: facts, operations and deploys."""

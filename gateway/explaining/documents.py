"""Where the documents are that messages name: who has installed the wheel has no folder docs."""

_DOCUMENTS = "https://github.com/lockgate/lockgate/blob/main/docs"

NO_HEALTHY_INSTANCE = f"{_DOCUMENTS}/troubleshooting.md#503-no_healthy_instance"
RECIPES = f"{_DOCUMENTS}/recipes.md"

"""The URL of the documents that messages name: an installed wheel has no folder docs."""

_DOCUMENTS = "https://github.com/lockgate/lockgate/blob/main/docs"

NO_HEALTHY_INSTANCE = f"{_DOCUMENTS}/troubleshooting.md#503-no_healthy_instance"
RECIPES = f"{_DOCUMENTS}/recipes.md"

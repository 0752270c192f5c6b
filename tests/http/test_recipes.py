"""docs/recipes.md, followed exactly: its programs behind the gateway, and the links in their answers."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest

from tests.conftest import StartGateway
from tests.support.documents import blocks
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.recipes import DOCUMENT, Edits, Kitchen, Recipe
from tests.support.registry_events import events_of

pytestmark = pytest.mark.timeout(180)

FRAMEWORKS = ["FastAPI", "Flask", "Django", "Express", "aiohttp"]
RECIPES = {heading: Recipe(heading) for heading in [*FRAMEWORKS, "A static server", "A container"]}
#: It needs an engine and the reader's image.
NOT_RUN = "A container"
WAYS = [
    pytest.param(
        heading, command, id=f"{heading}-{command.rpartition(' -- ')[2].partition(' ')[0]}"
    )
    for heading, recipe in RECIPES.items()
    for command in recipe.runs
    if heading != NOT_RUN
]
#: Paths that a program redirects to another of its paths, and the text there.
REDIRECTS = {
    "FastAPI": {"/items": "/items/"},
    "Flask": {"/items": "/items/", "/newest": "/items/7"},
    "Django": {"/items": "/items/", "/admin/": "/admin/login/?next={prefix}/admin/"},
    "Express": {"/newest": "/items/7", "/pictures": "/pictures/"},
    "aiohttp": {"/newest": "/items/7"},
}
REGISTER_SHOP = "lockgate register --name shop --port 9000 --health-path /health --"
#: Other ways in the text: the recipe, the command, and the replacements in its files.
OTHER_WAYS: dict[str, tuple[str, str, Edits]] = {
    "uvicorn --root-path": ("FastAPI", RECIPES["FastAPI"].runs[1], {}),
    "uvicorn --root-path without our middleware": (
        "FastAPI",
        RECIPES["FastAPI"].runs[1],
        {"shop.py": {"app.add_middleware(ASGIPrefixMiddleware)": ""}},
    ),
    "ProxyFix": (
        "Flask",
        RECIPES["Flask"].runs[0],
        {
            "shop.py": {
                "from lockgate import WSGIP": "from werkzeug.middleware.proxy_fix import ProxyFix #",
                "WSGIPrefixMiddleware(app.wsgi_app)": "ProxyFix(app.wsgi_app, x_prefix=1)",
            }
        },
    ),
    "asgi.py": (
        "Django",
        f"{REGISTER_SHOP} uvicorn --lifespan off --port 9000 shop.asgi:application",
        {
            "shop/asgi.py": {
                "import os\n": "import os\nfrom lockgate import ASGIPrefixMiddleware\n",
                "get_asgi_application()": "ASGIPrefixMiddleware(get_asgi_application())",
            }
        },
    ),
    "FORCE_SCRIPT_NAME": (
        "Django",
        RECIPES["Django"].runs[0],
        {
            "shop/wsgi.py": {"WSGIPrefixMiddleware(application)": "application"},
            "shop/settings.py": {
                'STATIC_URL = "/static/"': "import os\n"
                'FORCE_SCRIPT_NAME = os.environ.get("LOCKGATE_PREFIX")'
            },
        },
    ),
}
StartRecipe = Callable[..., Awaitable[Kitchen]]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway()


@pytest.fixture
async def start_recipe(
    gateway: RunningGateway, registry_url: str, tmp_path: Path
) -> AsyncIterator[StartRecipe]:
    """`await start_recipe("Flask", command)`: run its programs until they have answered the recipe's call."""
    kitchen = Kitchen(tmp_path, gateway.port, REDIS_URL=registry_url)

    async def start(heading: str, command: str, edits: Edits | None = None) -> Kitchen:
        recipe = RECIPES[heading]
        await kitchen.set_up(recipe)
        (tmp_path / "public/pictures").mkdir(parents=True)
        (tmp_path / "public/pictures/index.html").write_text("pictures")
        kitchen.write(recipe, command, edits)
        await kitchen.start(command)
        return kitchen

    yield start
    await kitchen.stop()


@pytest.mark.parametrize(("heading", "command"), WAYS)
async def test_a_recipe_is_answered_through_the_gateway_as_it_says(
    start_recipe: StartRecipe, registry_url: str, heading: str, command: str
) -> None:
    recipe = RECIPES[heading]
    kitchen = await start_recipe(heading, command)

    answer = await kitchen.answer_of(recipe.call)

    if recipe.answer is not None:
        assert json.loads(answer) == json.loads(kitchen.moved(recipe.answer))
    else:
        assert answer == "hello\n"
    await kitchen.stop()
    await eventually(lambda: events_of(registry_url)[-1] == "deregistered")


@pytest.mark.parametrize("heading", FRAMEWORKS)
async def test_redirects_lead_below_the_prefix_through_the_gateway_and_have_none_directly(
    start_recipe: StartRecipe, gateway: RunningGateway, heading: str
) -> None:
    recipe = RECIPES[heading]
    kitchen = await start_recipe(heading, recipe.runs[0])
    await kitchen.answer_of(recipe.call)

    await follow_redirects(
        gateway.session, heading, f"http://localhost:{gateway.port}", "/api/shop"
    )
    await follow_redirects(gateway.session, heading, f"http://localhost:{kitchen.port}", "")


async def follow_redirects(
    session: aiohttp.ClientSession, heading: str, origin: str, prefix: str
) -> None:
    for asked, expected in REDIRECTS[heading].items():
        url = f"{origin}{prefix}{asked}"
        async with session.get(url, allow_redirects=False) as redirect:
            assert redirect.status in (301, 302, 307, 308), await redirect.text()
            location = urljoin(url, redirect.headers["Location"])
        assert location == f"{origin}{prefix}{expected.format(prefix=prefix)}"
        await text_of(session, location)


@pytest.mark.parametrize("way", OTHER_WAYS)
async def test_what_a_recipe_names_as_another_way_works_as_well(
    start_recipe: StartRecipe, gateway: RunningGateway, way: str
) -> None:
    heading, command, edits = OTHER_WAYS[way]
    recipe = RECIPES[heading]
    kitchen = await start_recipe(heading, command, edits)
    await kitchen.answer_of(recipe.call)

    await follow_redirects(
        gateway.session, heading, f"http://localhost:{gateway.port}", "/api/shop"
    )


async def test_a_django_service_that_is_strict_about_hosts_is_probed_with_one_that_it_allows(
    start_recipe: StartRecipe,
) -> None:
    command = RECIPES["Django"].runs[0].replace(" -- ", " --health-host shop.example -- ")
    kitchen = await start_recipe(
        "Django", command, {"shop/settings.py": {'["localhost"]': '["shop.example"]'}}
    )

    call = f"{RECIPES['Django'].call} -H 'Host: shop.example'"

    assert json.loads(await kitchen.answer_of(call)) == {"first": "/api/shop/items/1"}


async def test_the_documentation_of_a_fastapi_service_works_behind_the_prefix(
    start_recipe: StartRecipe, gateway: RunningGateway
) -> None:
    """`/api/shop/docs` was empty, because the page asked the gateway for `/openapi.json`."""
    recipe = RECIPES["FastAPI"]
    kitchen = await start_recipe("FastAPI", recipe.runs[0])
    await kitchen.answer_of(recipe.call)

    for prefix, origin in (
        ("", f"http://localhost:{kitchen.port}"),
        ("/api/shop", f"http://localhost:{gateway.port}"),
        ("", f"http://localhost:{kitchen.port}"),
    ):
        page = await text_of(gateway.session, f"{origin}{prefix}/docs")
        (url,) = re.findall(r"url: '([^']+)'", page)
        assert url == f"{prefix}/openapi.json"
        document = json.loads(await text_of(gateway.session, urljoin(origin, url)))
        assert document.get("servers") == ([{"url": prefix}] if prefix else None)
        (server,) = document.get("servers", [{"url": ""}])
        for path in document["paths"]:  # the paths of "Try it out"
            await text_of(gateway.session, origin + server["url"] + path.format(number=1))


async def test_the_admin_of_a_django_service_has_its_styles_behind_the_prefix(
    start_recipe: StartRecipe, gateway: RunningGateway
) -> None:
    recipe = RECIPES["Django"]
    kitchen = await start_recipe("Django", recipe.runs[0])
    await kitchen.answer_of(recipe.call)

    for prefix, origin in (
        ("/api/shop", f"http://localhost:{gateway.port}"),
        ("", f"http://localhost:{kitchen.port}"),
    ):
        page = await text_of(gateway.session, f"{origin}{prefix}/admin/")
        styles = re.findall(r'href="([^"]+\.css)"', page)
        assert styles
        for style in styles:
            assert style.startswith(f"{prefix}/static/admin/")
            await text_of(gateway.session, origin + style)
        (action,) = re.findall(r'<form action="([^"]+)"', page)
        assert urlsplit(action).path == f"{prefix}/admin/login/"


async def text_of(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as answer:
        text = await answer.text()
        assert answer.status == 200, f"{url}\n{text}"
        return text


async def test_docker_knows_the_options_of_the_container() -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("docker is not here")
    (command,) = RECIPES[NOT_RUN].runs
    process = await asyncio.create_subprocess_exec(
        docker, "run", "--help", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    options = re.findall(r" (-\S+)", command.partition("docker run")[2])
    assert options == ["--rm", "--init", "-e", "-p"]
    assert all(re.search(rf"^ +.*{option}\b", told.decode(), re.MULTILINE) for option in options)


def test_every_program_and_command_of_the_document_is_run_here() -> None:
    headings = {block.heading for block in blocks(DOCUMENT)}
    assert headings == set(RECIPES)
    for recipe in RECIPES.values():
        call = [recipe.call] if recipe.heading != NOT_RUN else []
        assert {*recipe.set_up, *recipe.runs, *call} >= set(recipe.commands)
        assert recipe.runs


def test_what_the_recipes_install_is_what_they_are_tried_with() -> None:
    steps = [step for recipe in RECIPES.values() for step in recipe.set_up]
    for step in steps:
        if step.startswith("pip install "):
            assert all(version(package) for package in step.split()[2:])

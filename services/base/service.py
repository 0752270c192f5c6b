"""What makes a service: a name, its settings, and the function that builds its application."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from aiohttp import web

from services.base.directory import Directory
from services.base.settings import SettingsT


@dataclass(frozen=True, slots=True)
class Service(Generic[SettingsT]):
    name: str
    settings: type[SettingsT]
    create_app: Callable[[SettingsT, Directory], web.Application]

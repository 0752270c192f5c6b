"""Gets one certificate from an authority: account, order, proof, certificate (RFC 8555 section 7)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from josepy.interfaces import JSONDeSerializable
from josepy.json_util import encode_b64jose

from acme import messages
from gateway.acme.certificates import key_pem, new_key, signing_request
from gateway.acme.deciding.renewal import challenge_for
from gateway.acme.deciding.state import Certificate, Proof
from gateway.acme.directory import AcmeError, Directory, Reply, problem_text
from gateway.acme.spec import AcmeSpec

#: The whole order.
ORDER_S = 300.0
#: Pauses between two looks at an order, where the authority names none.
LOOK_S, LOOK_MOST_S = 1.0, 10.0

Publish = Callable[[str, Proof], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ordering:
    """Orders a certificate for a domain.

    `publish` makes a proof, with its token, known to all gateways, and returns when it is. `failures`
    are those in a row before this order.
    """

    directory: Directory
    spec: AcmeSpec
    publish: Publish

    async def register(self) -> str:
        """Make the account, or find it again; returns the URL of the terms, which it agrees to."""
        directory, spec = self.directory, self.spec
        resources = await directory.resources()
        meta = resources.get("meta")
        meta = meta if isinstance(meta, Mapping) else {}
        binding = None
        if spec.binding is not None:
            made = messages.Directory({"newAccount": await directory.url_of("newAccount")})
            binding = messages.ExternalAccountBinding.from_data(
                directory.key.public_key(), spec.binding.key_id, spec.binding.hmac_key, made
            )
        elif meta.get("externalAccountRequired") is True:
            raise AcmeError(
                "externalAccountRequired: the authority wants an account of its own (external_account)"
            )
        account = messages.NewRegistration.from_data(
            email=spec.email, terms_of_service_agreed=True, external_account_binding=binding
        )
        reply = await directory.post(await directory.url_of("newAccount"), _encoded(account))
        if not reply.location:
            raise AcmeError("the authority names no account")
        directory.account = reply.location
        return str(meta.get("termsOfService", ""))

    async def obtain(self, domain: str, failures: int) -> Certificate:
        """A new certificate for a domain. Raises AcmeError, and what `publish` raises."""
        limit = asyncio.timeout(ORDER_S)
        try:
            async with limit:
                return await self._obtain(domain, failures)
        except TimeoutError:
            if not limit.expired():  # it is the registry's
                raise
            raise AcmeError(f"the order was not done within {ORDER_S:g} s") from None
        except (LookupError, TypeError, AttributeError, ValueError):
            raise AcmeError("the authority answered what ACME does not have") from None

    async def _obtain(self, domain: str, failures: int) -> Certificate:
        identifier = messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=domain)
        wanted = _encoded(messages.NewOrder(identifiers=[identifier]))
        placed = await self.directory.post(await self.directory.url_of("newOrder"), wanted)
        order = placed.document
        for url in order.get("authorizations", ()):
            await self._prove(url, domain, failures)
        key = await asyncio.to_thread(new_key, self.spec.key_type)
        order = await self._until(placed.location, "ready", "valid")
        if order["status"] == "ready":
            request = messages.CertificateRequest(csr=signing_request(domain, key))
            await self.directory.post(_url(order, "finalize"), _encoded(request))
            order = await self._until(placed.location, "valid")
        chain = (await self.directory.post(_url(order, "certificate"))).body
        return Certificate(chain.decode("ascii", "replace"), key_pem(key))

    async def _prove(self, url: Any, domain: str, failures: int) -> None:
        if not isinstance(url, str):
            raise AcmeError("the order names no authorization")
        authorization = (await self.directory.post(url)).document
        if authorization.get("status") == "valid":
            return  # proved before
        offered = {one["type"]: one for one in authorization["challenges"]}
        kind = challenge_for(list(offered), self.spec.challenges, failures)
        if kind is None:
            raise AcmeError(f"the authority offers none of {', '.join(self.spec.challenges)}")
        challenge = offered[kind]
        token = challenge["token"]
        thumbprint = encode_b64jose(self.directory.key.thumbprint())
        await self.publish(token, Proof(domain, kind, f"{token}.{thumbprint}"))
        await self.directory.post(_url(challenge, "url"), b"{}")
        await self._until(url, "valid")

    async def _until(self, url: str, *states: str) -> dict[str, Any]:
        """Look at an order or an authorization until its status is one of these."""
        pause_s = LOOK_S
        while True:
            reply = await self.directory.post(url)
            document = reply.document
            status = document.get("status")
            if status in states:
                return document
            if status not in ("pending", "processing", "ready"):
                raise AcmeError(why_failed(document))
            await asyncio.sleep(_pause_s(reply, pause_s))
            pause_s = min(LOOK_MOST_S, pause_s * 1.5)


def why_failed(document: Mapping[str, Any]) -> str:
    """What an order or an authorization that has failed says of it."""
    challenges = document.get("challenges")
    challenges = challenges if isinstance(challenges, list) else []
    errors = [one.get("error") for one in (document, *challenges) if isinstance(one, Mapping)]
    told = [problem_text(error) for error in errors if error]
    return "; ".join(told) or f"the authority says that it is {document.get('status')!r:.40}"


def _pause_s(reply: Reply, else_s: float) -> float:
    told = reply.retry_after_s
    return else_s if told is None else min(max(told, 0.1), ORDER_S)


def _url(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str):
        raise AcmeError(f"the authority's answer has no {name}")
    return found


def _encoded(message: JSONDeSerializable) -> bytes:
    return str(message.json_dumps()).encode()

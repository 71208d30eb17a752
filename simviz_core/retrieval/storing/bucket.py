"""A place in an object store, `s3://bucket/prefix`, where tables lie that machines share.

LanceDB reads and writes tables with a client of its own. What it has no words for (whether the
place answers, and why not; whether a conditional put is atomic; deleting) goes through obstore.
Both take keys and endpoint from the environment: no key is kept here, handed on, or in a message.
"""

import os
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from threading import Barrier
from typing import Any, ClassVar
from urllib.parse import urlsplit

from simviz_core.errors import SettingsError, StoreError

STORE_VARIABLE = "SIMVIZ_STORE"
"""The environment variable that names the bucket, for tables of embeddings and nothing else."""
EXPECTED = "s3://BUCKET or s3://BUCKET/PREFIX"

OPTIONS = {
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
    "aws_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "aws_allow_http": ("AWS_ALLOW_HTTP",),
}
"""What the clients are told, each by the first of its variables that is set."""

WRITERS = 8
"""That put the same new object at once, to see whether exactly one of them is told that it did."""
SECONDS_TO_CONNECT = 5
SECONDS_TO_ANSWER = 20


def bucket_at(text: str) -> "Bucket":
    """The place that an address names; it is not asked.

    Args:
        text: Such as `s3://bucket/prefix`.

    Raises:
        SettingsError: It is no such address, or holds a key, which is then not repeated.
    """
    found = re.fullmatch(
        r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9!_.*'()-]+)*)/*", text.strip()
    )
    if found is None or any(part in (".", "..") for part in found[2].split("/")):
        raise SettingsError(
            f"{STORE_VARIABLE} is {shown_address(text)}; expected {EXPECTED}, with the key in "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. It holds the tables of embeddings "
            "alone; all else lies in the folder of SIMVIZ_CACHE"
        )
    return Bucket(found[1], found[2].strip("/"))


def shown_address(text: str) -> str:
    """An address for a message; what may hold a key is not repeated."""
    rest = text.partition("://")[2] or text
    return "an address with more in it" if re.search("[@:?]", rest) else repr(text)


def named_bucket() -> "Bucket | None":
    """The bucket that `SIMVIZ_STORE` names; None where tables lie in the cache folder.

    Raises:
        SettingsError: See `bucket_at`.
    """
    text = os.environ.get(STORE_VARIABLE, "").strip()
    return bucket_at(text) if text else None


@dataclass(frozen=True)
class Bucket:
    """Tables in an object store; offers what `Folder` does.

    Attributes:
        name: The bucket's.
        prefix: Of all that is read and written; "" for the whole bucket.
    """

    name: str
    prefix: str

    reading_time: ClassVar = timedelta(hours=1)
    """As of `Folder`; here clocks of several machines are compared."""

    @property
    def address(self) -> str:
        """Of the database."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    @property
    def options(self) -> dict[str, str]:
        """What LanceDB needs to know besides the address, with the keys in it: not for messages."""
        return _options(os.environ)

    def of_table(self, name: str) -> str:
        """Where a table lies."""
        return f"{self.address}/{name}.lance"

    def has(self, name: str, file: str = "") -> bool:
        """Whether there is a table, or a file of it.

        Files alone, such as a process leaves that is killed before its first step, are no table.

        Raises:
            StoreError: The place does not answer, or refuses.
        """
        if not file:
            return bool(self.keys(f"{name}.lance/_versions", 1))
        with self._asking() as (obstore, store):
            try:
                obstore.head(store, f"{name}.lance/{file}")
            except FileNotFoundError:
                return False
        return True

    def require(self) -> None:
        """See that the place answers, and that of many who put one new object only one does.

        It is asked once in a process.

        Raises:
            SettingsError: An address is none, or the endpoint is not for several writers.
            StoreError: The place does not answer, or refuses; it is asked again next time.
        """
        if not _puts_are_atomic(self, tuple(self.options.items())):
            raise SettingsError(
                f"the endpoint of {self.address} lets several writers put one new object at once "
                "(If-None-Match: *), so that embeddings would be lost; use a store whose "
                "conditional puts are atomic, such as Amazon S3 or MinIO"
            )

    def keys(self, folder: str, most: int | None = None) -> list[str]:
        """The names of what lies below a folder, or of the first of it.

        Raises:
            StoreError: The place does not answer, or refuses.
        """
        found: list[str] = []
        with self._asking() as (obstore, store):
            for page in obstore.list(store, folder):
                found += [each["path"] for each in page]
                if most and len(found) >= most:
                    break
        return found[:most]

    def ask(self) -> None:
        """See that the place answers.

        Raises:
            StoreError: It does not, or refuses.
        """
        self.keys("simviz-nothing", 1)

    def put(self, key: str, content: bytes, is_new: bool = False) -> bool:
        """Write an object.

        Args:
            key: Its name, below the prefix.
            content: Of it.
            is_new: Only where there is none of this name.

        Returns:
            Whether it was written.

        Raises:
            StoreError: The place does not answer, or refuses.
        """
        with self._asking() as (obstore, store):
            try:
                obstore.put(store, key, content, mode="create" if is_new else "overwrite")
            except obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def get(self, key: str) -> bytes | None:
        """What an object holds; None where there is none.

        Raises:
            StoreError: The place does not answer, or refuses.
        """
        with self._asking() as (obstore, store):
            try:
                return bytes(obstore.get(store, key).bytes())
            except FileNotFoundError:
                return None

    def seconds_since(self, key: str, later: str) -> float | None:
        """The time between the writing of two objects by the store's clock; None without them.

        Raises:
            StoreError: The place does not answer, or refuses.
        """
        with self._asking() as (obstore, store):
            try:
                one, other = (obstore.head(store, each)["last_modified"] for each in (key, later))
            except FileNotFoundError:
                return None
        return float((other - one).total_seconds())

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects.

        Raises:
            StoreError: The place does not answer, or refuses.
        """
        with self._asking() as (obstore, store):
            try:
                obstore.delete(store, list(keys))
            except obstore.exceptions.GenericError as error:
                # A store that can delete one at a time only: then the request is in its address,
                # and so would be a token of the key, in the logs of whoever is in between.
                if "501 Not Implemented" not in str(error) or "aws_session_token" in self.options:
                    raise
                for address in obstore.sign(store, "DELETE", list(keys), timedelta(minutes=1)):
                    self._delete_at(address)

    def _delete_at(self, address: str) -> None:
        asked = urllib.request.Request(address, method="DELETE")
        try:
            urllib.request.urlopen(asked, timeout=SECONDS_TO_ANSWER).close()
        except OSError as error:
            code = error.code if isinstance(error, urllib.error.HTTPError) else "no answer"
            if code != 404:
                raise StoreError(
                    f"objects in {self.address} cannot be deleted ({code})"
                ) from None  # the address is signed

    def trouble(self, error: Exception) -> str:
        """Why a table cannot be read or written now; "" where it is not what it should be."""
        if isinstance(error, MemoryError):
            return "there is not enough memory"
        try:
            self.ask()
        except StoreError as refusal:
            return str(refusal)
        is_known = re.search(r"not found", str(error), re.IGNORECASE) or not re.search(
            r"Generic S3|HttpError|HTTP error|RetryError|timed? ?out|status code", str(error)
        )
        return "" if is_known else f"{self.address} answered, but not to all of it; try again"

    @contextmanager
    def _asking(self) -> Iterator[tuple[Any, Any]]:
        """Obstore, and its client of this place; its errors become sentences."""
        obstore, store = _client(self, tuple(self.options.items()))
        try:
            yield obstore, store
        except (FileNotFoundError, obstore.exceptions.BaseError) as error:
            raise StoreError(self._said(str(error))) from None  # it may hold what was signed

    def _said(self, text: str) -> str:
        """What a client's words come to."""
        endpoint = self.options.get("aws_endpoint") or "Amazon S3"
        if "169.254." in text or "InvalidCredential" in text:
            return (
                f"there is no key for {self.address}; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY"
            )
        if "<Code>NoSuchBucket</Code>" in text:
            return (
                f"{endpoint} has no bucket {self.name}; make it, or name another one in "
                f"{STORE_VARIABLE}"
            )
        if found := re.search(r"non-2xx status code: (\d+)", text):
            code = re.search(r"<Code>(\w{1,60})</Code>", text)
            said = f"{found[1]} {code[1]}" if code else found[1]
            if found[1] in ("401", "403"):
                return (
                    f"{endpoint} refuses the key in AWS_ACCESS_KEY_ID for {self.address} ({said}); "
                    "it has to allow listing, reading, writing and deleting there"
                )
            return f"{endpoint} does not do what is asked of it for {self.address} ({said})"
        if "kind: Timeout" in text:
            return f"{endpoint} does not answer in time; is it up, and AWS_ENDPOINT_URL right?"
        if "HTTP error" in text:
            return f"{endpoint} cannot be reached; is it up, and AWS_ENDPOINT_URL right?"
        return f"{endpoint} does not answer as an object store does ({text.splitlines()[0][:150]})"


def _options(environment: Mapping[str, str]) -> dict[str, str]:
    """The clients' options as the environment has them.

    Raises:
        SettingsError: The endpoint is no address, has a key in it, or is not encrypted.
    """
    found = {}
    for option, names in OPTIONS.items():
        if value := next((environment[name] for name in names if environment.get(name)), ""):
            found[option] = value.strip()
    if (endpoint := found.get("aws_endpoint")) is not None:
        parts = urlsplit(endpoint)
        if parts.username or parts.password:
            raise SettingsError(
                "AWS_ENDPOINT_URL has a key in it; expected https://HOST:PORT, with the key in "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"AWS_ENDPOINT_URL is {endpoint!r}; expected https://HOST:PORT")
        if parts.scheme == "http" and found.get("aws_allow_http", "").lower() not in ("1", "true"):
            raise SettingsError(
                f"AWS_ENDPOINT_URL is {endpoint!r}, to which embeddings and requests would go "
                "unencrypted; expected https://…, or AWS_ALLOW_HTTP=true beside it"
            )
    found["aws_allow_http"] = str(found.get("aws_allow_http", "").lower() in ("1", "true")).lower()
    return found


@lru_cache(maxsize=8)
def _client(bucket: Bucket, options: tuple[tuple[str, str], ...]) -> tuple[Any, Any]:
    """Obstore, and its client for a bucket.

    Raises:
        StoreError: A library is missing.
    """
    try:
        import lance  # noqa: F401
        import obstore
        import obstore.exceptions
        from obstore.store import S3Store
    except ImportError as error:
        raise StoreError(
            f"{STORE_VARIABLE}={bucket.address} needs {error.name}, which is not installed; "
            "pip install -r requirements-scale.txt"
        ) from error
    config: Any = dict(options)
    client: Any = {
        "allow_http": config.pop("aws_allow_http") == "true",
        "connect_timeout": f"{SECONDS_TO_CONNECT}s",
        "timeout": f"{SECONDS_TO_ANSWER}s",
    }
    retries: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=SECONDS_TO_ANSWER)}
    return obstore, S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config=config,
        client_options=client,
        retry_config=retries,
    )


@lru_cache(maxsize=8)
def _puts_are_atomic(bucket: Bucket, options: tuple[tuple[str, str], ...]) -> bool:
    """Whether one of several writers is told that it put a new object, and all others not.

    What is put is deleted again.

    Raises:
        StoreError: The place does not answer, or refuses.
    """
    key, together = f"simviz-probe-{uuid.uuid4().hex}", Barrier(WRITERS)

    def write(number: int) -> bool:
        together.wait()
        return bucket.put(key, str(number).encode(), is_new=True)

    bucket.ask()  # what is wrong with the place is said by one
    with ThreadPoolExecutor(WRITERS, "simviz-probe") as threads:
        told = list(threads.map(write, range(WRITERS)))
    is_atomic = told.count(True) == 1 and bucket.get(key) == str(told.index(True)).encode()
    try:
        bucket.delete([key])
    except StoreError:
        if is_atomic:  # else that is what matters
            raise
    return is_atomic

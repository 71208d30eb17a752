"""How much one session may upload within an hour."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from simviz_core.errors import SimVizError
from simviz_ui.serving.uploads import number_of

HOUR = 3600
SESSION_GIGABYTES_VARIABLE = "SIMVIZ_UPLOADS_SESSION_GB"
"""Environment variable with what a session may upload within an hour."""
SESSION_COUNT_VARIABLE = "SIMVIZ_UPLOADS_SESSION_COUNT"
"""Environment variable with how often a session may upload within an hour."""
SESSION_GIGABYTES = 4.0
SESSION_COUNT = 100


@dataclass(frozen=True)
class SessionLimits:
    """What a session may upload within an hour.

    Attributes:
        size: Of all files together, in bytes as they arrive.
        count: How often; files that are chosen together count once.
    """

    size: float = SESSION_GIGABYTES * 1e9
    count: float = SESSION_COUNT


class UploadRates:
    """What the sessions of one server have uploaded; may be used from several threads."""

    def __init__(
        self, limits: SessionLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nothing.

        Args:
            limits: What each session may upload.
            clock: The time in seconds.
        """
        self.limits = limits or SessionLimits()
        self._clock = clock
        self._taken: dict[str, list[tuple[float, int]]] = {}
        self._lock = Lock()

    def admit(self, session: str, size: int) -> None:
        """Count an upload, before anything of it is kept.

        Args:
            session: Who uploads.
            size: Of its files together, in bytes.

        Raises:
            SimVizError: It would be more than a session may upload within an hour.
        """
        since = self._clock() - HOUR
        with self._lock:
            recent = {
                each: [upload for upload in taken if upload[0] > since]
                for each, taken in self._taken.items()
            }
            self._taken = {each: taken for each, taken in recent.items() if taken}
            own = self._taken.get(session, [])
            total = size + sum(taken for _, taken in own)
            if total > self.limits.size or len(own) >= self.limits.count:
                raise SimVizError(
                    f"this would be upload {len(own) + 1} of this session within an hour, with "
                    f"{total / 1e9:.3g} GB together; a session may upload {self.limits.count:g} "
                    f"times and {self.limits.size / 1e9:.3g} GB. Try again later"
                )
            self._taken[session] = [*own, (self._clock(), size)]


def session_limits_of_operator() -> SessionLimits:
    """The limits that the operator set, else the usual ones."""
    gigabytes = number_of(SESSION_GIGABYTES_VARIABLE, SESSION_GIGABYTES)
    return SessionLimits(gigabytes * 1e9, number_of(SESSION_COUNT_VARIABLE, SESSION_COUNT))

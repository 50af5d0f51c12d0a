"""Alerts to Apprise addresses (mail, chat, webhook); to the log only, where none is set."""

from collections.abc import Callable
from dataclasses import dataclass, field

from retention_assets.settings import Settings


@dataclass(frozen=True)
class Alerts:
    """Sends short messages to every address of RETENTION_ALERT_URLS.

    A plain class, not a configurable resource: addresses hold secrets, and Dagster shows config.
    """

    urls: list[str] = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Alerts":
        return cls(
            urls=[url.strip() for url in (settings.alert_urls or "").split(",") if url.strip()]
        )

    def send(self, title: str, body: str, log: Callable[[str], None]) -> bool:
        """Whether every address accepted the message. It is logged too, without the addresses."""
        log(f"ALERT {title}: {body}")
        if not self.urls:
            return True
        from apprise import Apprise

        apprise = Apprise()
        accepted = apprise.add(self.urls)
        sent = bool(apprise.notify(title=title, body=body))
        if not (accepted and sent):
            log(
                f"ALERT not delivered to all of {len(self.urls)} addresses of RETENTION_ALERT_URLS."
            )
        return bool(accepted and sent)

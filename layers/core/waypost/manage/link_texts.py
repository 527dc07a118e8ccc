"""The texts of the page behind the links in messages, by language (docs/messages.md#the-page)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts of the page in one language. `{topic}` stands for the name of a topic, `{channel}` for that of a channel."""

    unsubscribe_title: str
    unsubscribe_question: str
    unsubscribe_all_question: str
    unsubscribe: str
    preferences_title: str
    preferences_lead: str
    no_topics: str
    save: str
    unsubscribe_all: str
    confirm_title: str
    confirm_question: str
    confirm_many_question: str
    confirm: str
    nothing_to_confirm: str
    pending: str
    saved_title: str
    unsubscribed: str
    unsubscribed_all: str
    saved: str
    unchanged: str
    confirmed: str
    soon: str
    change_again: str
    preview_title: str
    preview: str
    forged_title: str
    forged: str
    expired_title: str
    expired: str
    unreadable_title: str
    unreadable: str
    failed_title: str
    failed: str
    channels: Mapping[str, str]

    def channel(self, name: str) -> str:
        """The name of a channel for a person."""
        return self.channels.get(name, name)


_ENGLISH: Final = Texts(
    unsubscribe_title="Unsubscribe",
    unsubscribe_question="Do you want to stop getting “{topic}” by {channel}?",
    unsubscribe_all_question="Do you want to stop getting messages by {channel}?",
    unsubscribe="Unsubscribe",
    preferences_title="Your preferences",
    preferences_lead="Choose what you want to get by {channel}.",
    no_topics="There is nothing to choose here.",
    save="Save",
    unsubscribe_all="Unsubscribe from everything",
    confirm_title="Confirm your subscription",
    confirm_question="Do you want to get “{topic}” by {channel}?",
    confirm_many_question="Do you want to get these by {channel}?",
    confirm="Yes, subscribe",
    nothing_to_confirm="There is no subscription that waits for your confirmation.",
    pending="not confirmed yet",
    saved_title="Done",
    unsubscribed="You are unsubscribed from “{topic}”.",
    unsubscribed_all="You are unsubscribed from all messages by {channel}.",
    saved="Your preferences are saved.",
    unchanged="Nothing was changed.",
    confirmed="Your subscription is confirmed.",
    soon="This takes effect within a few moments. A message that is on its way already may still arrive.",
    change_again="To change your preferences again, open the link in the message once more.",
    preview_title="This is a preview",
    preview="The link comes from a preview or from a stored copy of a message. It belongs to nobody and changes nothing.",
    forged_title="This link is not valid",
    forged="It may be incomplete: copy the whole address from the message. Nothing was changed.",
    expired_title="This link has expired",
    expired="Use the link in a more recent message. Nothing was changed.",
    unreadable_title="This request cannot be read",
    unreadable="Open the link in the message and use the buttons on the page. Nothing was changed.",
    failed_title="Please try again",
    failed="This did not work just now. Try again in a few minutes.",
    channels={"email": "e-mail", "sms": "text message"},
)
_GERMAN: Final = Texts(
    unsubscribe_title="Abmelden",
    unsubscribe_question="Möchten Sie „{topic}“ nicht mehr per {channel} erhalten?",
    unsubscribe_all_question="Möchten Sie keine Nachrichten per {channel} mehr erhalten?",
    unsubscribe="Abmelden",
    preferences_title="Ihre Einstellungen",
    preferences_lead="Wählen Sie, was Sie per {channel} erhalten möchten.",
    no_topics="Hier gibt es nichts auszuwählen.",
    save="Speichern",
    unsubscribe_all="Von allem abmelden",
    confirm_title="Anmeldung bestätigen",
    confirm_question="Möchten Sie „{topic}“ per {channel} erhalten?",
    confirm_many_question="Möchten Sie Folgendes per {channel} erhalten?",
    confirm="Ja, anmelden",
    nothing_to_confirm="Es gibt keine Anmeldung, die auf Ihre Bestätigung wartet.",
    pending="noch nicht bestätigt",
    saved_title="Erledigt",
    unsubscribed="Sie sind von „{topic}“ abgemeldet.",
    unsubscribed_all="Sie sind von allen Nachrichten per {channel} abgemeldet.",
    saved="Ihre Einstellungen sind gespeichert.",
    unchanged="Es wurde nichts geändert.",
    confirmed="Ihre Anmeldung ist bestätigt.",
    soon="Das gilt in wenigen Augenblicken. Eine Nachricht, die schon unterwegs ist, kann noch ankommen.",
    change_again="Um Ihre Einstellungen wieder zu ändern, öffnen Sie den Link in der Nachricht noch einmal.",
    preview_title="Dies ist eine Vorschau",
    preview="Der Link stammt aus einer Vorschau oder einer gespeicherten Kopie einer Nachricht. Er gehört niemandem und ändert nichts.",
    forged_title="Dieser Link ist nicht gültig",
    forged="Vielleicht ist er unvollständig: Kopieren Sie die ganze Adresse aus der Nachricht. Es wurde nichts geändert.",
    expired_title="Dieser Link ist abgelaufen",
    expired="Verwenden Sie den Link in einer neueren Nachricht. Es wurde nichts geändert.",
    unreadable_title="Diese Anfrage ist nicht lesbar",
    unreadable="Öffnen Sie den Link in der Nachricht und verwenden Sie die Knöpfe auf der Seite. Es wurde nichts geändert.",
    failed_title="Bitte versuchen Sie es noch einmal",
    failed="Das hat gerade nicht funktioniert. Versuchen Sie es in einigen Minuten noch einmal.",
    channels={"email": "E-Mail", "sms": "SMS"},
)

LANGUAGES: Final[Mapping[str, Texts]] = {"en": _ENGLISH, "de": _GERMAN}
"""The texts by the `language` in the settings of a workspace."""

"""The German of what all products say; each product adds its own in its ``words.py``."""

GERMAN = {
    " and ": " und ",
    "About your sign-in": "Zu Ihrer Anmeldung",
    "Administrator": "Administrator",
    "Back to the first page": "Zur ersten Seite",
    "Choose a company": "Unternehmen wählen",
    "Company": "Unternehmen",
    "Customer number {number}": "Kundennummer {number}",
    "Employee": "Mitarbeiter",
    "How you signed in": "Art der Anmeldung",
    "It may have been moved, or belong to somebody else.": (
        "Vielleicht wurde die Seite verschoben oder gehört jemand anderem."
    ),
    "It was not used. Please open the product from its own address.": (
        "Er wurde nicht verwendet. Bitte öffnen Sie das Produkt über seine eigene Adresse."
    ),
    "It was started too long ago, or in another window. Nothing was changed.": (
        "Sie wurde vor zu langer Zeit oder in einem anderen Fenster begonnen. Es wurde nichts"
        " geändert."
    ),
    "No company was chosen": "Es wurde kein Unternehmen gewählt",
    "None in this product": "Keine in diesem Produkt",
    "One factor": "Ein Faktor",
    "Pages": "Seiten",
    "Please sign in": "Bitte melden Sie sich an",
    "Sign in": "Anmelden",
    "Sign in again": "Erneut anmelden",
    "Sign out": "Abmelden",
    "Sign-in is not available right now": "Die Anmeldung ist gerade nicht möglich",
    "Signed in as": "Angemeldet als",
    "Skip to the content": "Zum Inhalt springen",
    "Something went wrong here": "Hier ist etwas schiefgegangen",
    "Switch company": "Unternehmen wechseln",
    "The answer of the sign-in service could not be confirmed, so it was not used. Please sign in"
    " again; if it happens again, tell your administrator.": (
        "Die Antwort des Anmeldedienstes ließ sich nicht bestätigen und wurde nicht verwendet."
        " Bitte melden Sie sich erneut an; geschieht es wieder, sagen Sie Ihrem Administrator"
        " Bescheid."
    ),
    "The fault is ours and has been noted. Please try again.": (
        "Der Fehler liegt bei uns und wurde vermerkt. Bitte versuchen Sie es erneut."
    ),
    "The sign-in service does not answer, so other products may still be open. Please sign out"
    " there too.": (
        "Der Anmeldedienst antwortet nicht, daher können andere Produkte noch geöffnet sein. Bitte"
        " melden Sie sich auch dort ab."
    ),
    "The sign-in service does not answer. Your data is safe; please try again in a minute.": (
        "Der Anmeldedienst antwortet nicht. Ihre Daten sind sicher; bitte versuchen Sie es in einer"
        " Minute erneut."
    ),
    "The sign-in service is busy or being maintained. Please try again in a minute.": (
        "Der Anmeldedienst ist ausgelastet oder wird gewartet. Bitte versuchen Sie es in einer"
        " Minute erneut."
    ),
    "The sign-in service needs you to sign in again.": (
        "Der Anmeldedienst benötigt eine neue Anmeldung von Ihnen."
    ),
    "The sign-in service refused the request": "Der Anmeldedienst hat die Anfrage abgelehnt",
    "The sign-in was cancelled, or you are not allowed to enter. If you did not cancel it, ask the"
    " administrator of your company for access.": (
        "Die Anmeldung wurde abgebrochen, oder Sie haben keinen Zugang. Falls Sie nicht selbst"
        " abgebrochen haben, bitten Sie den Administrator Ihres Unternehmens um Zugang."
    ),
    "There is nothing at this address": "Unter dieser Adresse gibt es nichts",
    "This is a matter of set-up, not of your account. Please tell your administrator.": (
        "Das liegt an der Einrichtung, nicht an Ihrem Konto. Bitte sagen Sie Ihrem Administrator"
        " Bescheid."
    ),
    "This link belongs to another sign-in service": (
        "Dieser Link gehört zu einem anderen Anmeldedienst"
    ),
    "This page needs a stronger sign-in": "Diese Seite verlangt eine stärkere Anmeldung",
    "This sign-in has expired": "Diese Anmeldung ist abgelaufen",
    "Try again": "Erneut versuchen",
    "Two factors": "Zwei Faktoren",
    "You are signed out": "Sie sind abgemeldet",
    "You are signed out here": "Sie sind hier abgemeldet",
    "You can close this window, or sign in again.": (
        "Sie können dieses Fenster schließen oder sich erneut anmelden."
    ),
    "You could not be signed in": "Sie konnten nicht angemeldet werden",
    "You did not continue": "Sie haben nicht fortgesetzt",
    "You may not see this page": "Diese Seite dürfen Sie nicht sehen",
    "You were signed in, but not with two factors just now. Set up a second factor in your account,"
    " then try again.": (
        "Sie wurden angemeldet, aber nicht gerade eben mit zwei Faktoren. Richten Sie in Ihrem"
        " Konto einen zweiten Faktor ein und versuchen Sie es dann erneut."
    ),
    "Your account does not belong to a company that uses this product, or none was chosen.": (
        "Ihr Konto gehört zu keinem Unternehmen, das dieses Produkt nutzt, oder es wurde keines"
        " gewählt."
    ),
    "Your company has not given you this right. Its administrator can.": (
        "Ihr Unternehmen hat Ihnen dieses Recht nicht gegeben. Sein Administrator kann das tun."
    ),
    "Your rights here": "Ihre Rechte hier",
    "code by telephone": "Code per Anruf",
    "code by text message": "Code per SMS",
    "one-time code": "Einmalcode",
    "passkey": "Passkey",
    "password": "Passwort",
    "today {time}": "heute {time}",
}

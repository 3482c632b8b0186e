"""Export everything that is stored about the caller as one document.

It never contains hashes, private keys or encrypted secrets. ABIs and the data of transactions have routes of their
own. A document has at most 16 MB; `cut` names the kinds of which it does not contain all.
"""

from __future__ import annotations

from schemas.auth import PersonalData
from shared import resources
from shared.auth import personal_data
from shared.domain.permissions import Caller
from shared.runtime.operation import SELF, http
from shared.store.session import Session


@http("GET", "/auth/me/export", permission=SELF, person=True, answer=PersonalData)
def export_me(caller: Caller) -> PersonalData:
    data, cut = personal_data.document(Session(resources.database().snapshot()), caller.user_id)
    return PersonalData(exported_at=resources.clock().now(), data=data, cut=cut)

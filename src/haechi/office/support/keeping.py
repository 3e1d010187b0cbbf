"""How long who was funded is kept."""

from __future__ import annotations

from haechi.core.store import Transaction


def purge(tx: Transaction) -> dict[str, int]:
    """Take the names out of applications whose cases were purged, and the files that name them; the money's lines and the
    draw's published rows stay. The daily chores'."""
    names = tx.run(
        """update support_applications a set subject = 'purged:' || case_id, login = '', name = '', service = '', key_prefix = ''
        where subject not like 'purged:%' and not exists (select from cases c where c.id = a.case_id)"""
    )
    files = tx.run(
        """update support_payments p set csv = '', xlsx = '' where csv <> '' and not exists (
        select from support_payment_lines l join support_applications a on a.case_id = l.case_id
        where l.payment_id = p.id and a.subject not like 'purged:%')"""
    )
    return {"fee_applications": names, "fee_payment_files": files}

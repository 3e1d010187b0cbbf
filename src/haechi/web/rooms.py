"""Every room of the house: the modules whose routers the application serves, in the order in which addresses are tried."""

from __future__ import annotations

from haechi.web import (
    api_ask,
    api_library,
    api_services,
    pages_admin,
    pages_ask,
    pages_drafts,
    pages_feedback,
    pages_home,
    pages_library,
    pages_people,
    pages_services,
)
from haechi.web.citizen import api_chat, api_routing, kakao
from haechi.web.citizen import api_desk as api_tickets
from haechi.web.citizen import chat as pages_chat
from haechi.web.citizen import complaints as pages_complaints
from haechi.web.office import advice as pages_advice
from haechi.web.office import alert_desk as pages_alert_desk
from haechi.web.office import alerts as pages_alerts
from haechi.web.office import casebook as pages_casebook
from haechi.web.office import cases as pages_cases
from haechi.web.office import checks as pages_checks
from haechi.web.office import committee as pages_committee
from haechi.web.office import consulting as pages_consulting
from haechi.web.office import event as pages_event
from haechi.web.office import event_manage as pages_event_manage
from haechi.web.office import forms as pages_forms
from haechi.web.office import gateway as pages_gateway
from haechi.web.office import learning as pages_learning
from haechi.web.office import outbound as pages_outbound
from haechi.web.office import pilots as pages_pilots
from haechi.web.office import plans as pages_plans
from haechi.web.office import policy as pages_policy
from haechi.web.office import portfolio as pages_portfolio
from haechi.web.office import prereview as pages_prereview
from haechi.web.office import privacy as pages_privacy
from haechi.web.office import register as pages_register
from haechi.web.office import reviews as pages_reviews
from haechi.web.office import support as pages_support
from haechi.web.office import trust as pages_trust
from haechi.web.staff import answers as pages_answers
from haechi.web.staff import bots as pages_bots
from haechi.web.staff import bots_api as api_bots
from haechi.web.staff import bots_page as pages_bot
from haechi.web.staff import desk as pages_desk
from haechi.web.staff import desk_api as api_desk
from haechi.web.staff import freshness as pages_freshness
from haechi.web.staff import messenger as pages_messenger
from haechi.web.staff import replies as pages_replies
from haechi.web.staff import scenarios as pages_scenarios
from haechi.web.staff import stories as pages_stories

PAGES = (
    pages_home,
    pages_people,
    pages_ask,
    pages_library,
    pages_drafts,
    pages_feedback,
    pages_services,
    pages_admin,
    pages_bots,
    pages_bot,
    pages_desk,
    pages_freshness,
    pages_messenger,
    pages_gateway,
    pages_forms,
    pages_cases,
    pages_learning,
    pages_support,
    pages_casebook,
    pages_committee,
    pages_checks,
    pages_plans,
    pages_portfolio,
    pages_register,
    pages_event,
    pages_event_manage,
    pages_prereview,
    pages_consulting,
    pages_advice,
    pages_pilots,
    pages_outbound,
    pages_privacy,
    pages_policy,
    pages_trust,
    pages_alert_desk,  # before the public pages, whose addresses it shares
    pages_alerts,
    pages_reviews,
    pages_replies,
    pages_chat,
    pages_complaints,
    pages_stories,  # before the pages of one answer, whose addresses they share
    pages_scenarios,
    pages_answers,
)
APIS = (api_ask, api_library, api_services, api_bots, api_routing, api_chat, api_desk, api_tickets, kakao)
ROUTERS = (*(module.router for module in (*PAGES, *APIS)), pages_messenger.api, pages_complaints.api)

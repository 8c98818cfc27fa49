"""The gateway's unit of work."""

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.gateway.adapters.sql_feed import SqlFeed
from orchestra.gateway.adapters.sql_inbound import SqlBrokerUsers, SqlInboundMessages
from orchestra.gateway.adapters.sql_keys import SqlKeys, SqlWorkspaces
from orchestra.gateway.adapters.sql_operations import SqlOperations


class GatewayWork(UnitOfWork):
    @property
    def workspaces(self) -> SqlWorkspaces:
        return SqlWorkspaces(self)

    @property
    def keys(self) -> SqlKeys:
        return SqlKeys(self)

    @property
    def operations(self) -> SqlOperations:
        return SqlOperations(self)

    @property
    def feed(self) -> SqlFeed:
        return SqlFeed(self)

    @property
    def broker_users(self) -> SqlBrokerUsers:
        return SqlBrokerUsers(self)

    @property
    def inbound(self) -> SqlInboundMessages:
        return SqlInboundMessages(self)

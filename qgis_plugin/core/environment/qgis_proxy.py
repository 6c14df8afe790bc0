"""QGIS's proxy settings, for programs that don't go through QGIS's network classes."""

from __future__ import annotations

from qgis.core import QgsNetworkAccessManager, QgsSettings
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkProxyFactory, QNetworkProxyQuery

from .proxy import ProxySettings

_INDEX = "https://pypi.org/simple/"
_SCHEMES = {
    QNetworkProxy.ProxyType.HttpProxy: "http",
    QNetworkProxy.ProxyType.HttpCachingProxy: "http",
    QNetworkProxy.ProxyType.Socks5Proxy: "socks5h",
}


def qgis_proxy() -> ProxySettings:
    """The proxy that QGIS itself would take for the package index; none where QGIS uses none.

    Call it in the main thread: every thread has a network manager of its own.
    """
    manager = QgsNetworkAccessManager.instance()
    proxy = manager.fallbackProxy()
    is_enabled = QgsSettings().value("proxy/proxyEnabled", False, type=bool)
    if is_enabled and proxy.type() == QNetworkProxy.ProxyType.DefaultProxy:  # "as the system says"
        proxy = QNetworkProxyFactory.systemProxyForQuery(QNetworkProxyQuery(QUrl(_INDEX)))[0]
    scheme = _SCHEMES.get(proxy.type())
    if not is_enabled or scheme is None or not proxy.hostName():
        return ProxySettings()
    excluded = [entry for entry in (*manager.excludeList(), *manager.noProxyList()) if entry.strip()]
    return ProxySettings(
        scheme,
        proxy.hostName(),
        proxy.port(),
        user=proxy.user(),
        password=proxy.password(),
        excluded=tuple(excluded),
    )

"""Every annotation that ingress-nginx 1.15.1 knows, by what becomes of it here. Names without the prefix.

https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
"""

from __future__ import annotations

PREFIX = "nginx.ingress.kubernetes.io/"

HONOURED = frozenset({"rewrite-target", "ssl-redirect"})

GUARDS = frozenset(
    ["auth-type", "auth-url", "auth-tls-secret", "allowlist-source-range", "whitelist-source-range", "denylist-source-range"]
)
"""They decide who may enter: a path is not served without them."""

REFUSED = {
    "configuration-snippet": "raw nginx configuration is never applied",
    "server-snippet": "raw nginx configuration is never applied",
    "stream-snippet": "raw nginx configuration is never applied",
    "auth-snippet": "raw nginx configuration is never applied",
    "modsecurity-snippet": "raw ModSecurity rules are never applied",
    "enable-modsecurity": "there is no web application firewall",
    "enable-owasp-core-rules": "there is no web application firewall",
    "modsecurity-transaction-id": "there is no web application firewall",
    "fastcgi-index": "FastCGI backends are not served",
    "fastcgi-params-configmap": "FastCGI backends are not served",
}
"""Refused by ingress-nginx's own defaults too, or impossible with Envoy: the Ingress' paths answer 503."""

NO_EFFECT = frozenset(
    [
        "auth-keepalive",
        "auth-keepalive-requests",
        "auth-keepalive-share-vars",
        "auth-keepalive-timeout",
        "client-body-buffer-size",
        "connection-proxy-header",
        "enable-rewrite-log",
        "http2-push-preload",
        "limit-rate-after",
        "proxy-buffer-size",
        "proxy-buffering",
        "proxy-buffers-number",
        "proxy-busy-buffers-size",
        "proxy-http-version",
        "proxy-max-temp-file-size",
        "session-cookie-conditional-samesite-none",
        "ssl-prefer-server-ciphers",
        "upstream-hash-by-subset",
        "upstream-hash-by-subset-size",
    ]
)
"""They tune nginx itself and change no answer."""

TRAFFIC = frozenset(
    [
        "affinity",
        "affinity-canary-behavior",
        "affinity-mode",
        "app-root",
        "auth-always-set-cookie",
        "auth-cache-duration",
        "auth-cache-key",
        "auth-method",
        "auth-proxy-set-headers",
        "auth-realm",
        "auth-request-redirect",
        "auth-response-headers",
        "auth-secret",
        "auth-secret-type",
        "auth-signin",
        "auth-signin-redirect-param",
        "auth-tls-error-page",
        "auth-tls-match-cn",
        "auth-tls-pass-certificate-to-upstream",
        "auth-tls-verify-client",
        "auth-tls-verify-depth",
        "backend-protocol",
        "canary",
        "canary-by-cookie",
        "canary-by-header",
        "canary-by-header-pattern",
        "canary-by-header-value",
        "canary-weight",
        "canary-weight-total",
        "cors-allow-credentials",
        "cors-allow-headers",
        "cors-allow-methods",
        "cors-allow-origin",
        "cors-expose-headers",
        "cors-max-age",
        "custom-headers",
        "custom-http-errors",
        "default-backend",
        "disable-proxy-intercept-errors",
        "enable-access-log",
        "enable-cors",
        "enable-global-auth",
        "enable-opentelemetry",
        "force-ssl-redirect",
        "from-to-www-redirect",
        "limit-allowlist",
        "limit-burst-multiplier",
        "limit-connections",
        "limit-rate",
        "limit-rpm",
        "limit-rps",
        "limit-whitelist",
        "load-balance",
        "mirror-host",
        "mirror-request-body",
        "mirror-target",
        "opentelemetry-operation-name",
        "opentelemetry-trust-incoming-span",
        "permanent-redirect",
        "permanent-redirect-code",
        "preserve-trailing-slash",
        "proxy-body-size",
        "proxy-connect-timeout",
        "proxy-cookie-domain",
        "proxy-cookie-path",
        "proxy-next-upstream",
        "proxy-next-upstream-timeout",
        "proxy-next-upstream-tries",
        "proxy-read-timeout",
        "proxy-redirect-from",
        "proxy-redirect-to",
        "proxy-request-buffering",
        "proxy-send-timeout",
        "proxy-ssl-ciphers",
        "proxy-ssl-name",
        "proxy-ssl-protocols",
        "proxy-ssl-secret",
        "proxy-ssl-server-name",
        "proxy-ssl-verify",
        "proxy-ssl-verify-depth",
        "relative-redirects",
        "satisfy",
        "server-alias",
        "service-upstream",
        "session-cookie-change-on-failure",
        "session-cookie-domain",
        "session-cookie-expires",
        "session-cookie-max-age",
        "session-cookie-name",
        "session-cookie-path",
        "session-cookie-samesite",
        "session-cookie-secure",
        "ssl-ciphers",
        "ssl-passthrough",
        "temporal-redirect",
        "temporal-redirect-code",
        "upstream-hash-by",
        "upstream-vhost",
        "use-port-in-redirects",
        "use-regex",
        "x-forwarded-prefix",
    ]
)
"""They change what a client or a backend sees."""

NEUTRAL = {
    **dict.fromkeys(
        [
            "canary",
            "disable-proxy-intercept-errors",
            "enable-cors",
            "enable-modsecurity",
            "enable-opentelemetry",
            "enable-owasp-core-rules",
            "force-ssl-redirect",
            "from-to-www-redirect",
            "preserve-trailing-slash",
            "relative-redirects",
            "service-upstream",
            "ssl-passthrough",
            "use-port-in-redirects",
            "use-regex",
        ],
        frozenset({"0", "f", "F", "false", "FALSE", "False"}),
    ),
    "backend-protocol": frozenset({"HTTP", "http"}),
    "mirror-request-body": frozenset({"on"}),
    "proxy-request-buffering": frozenset({"on"}),
}
"""Values that say what holds anyway."""

KNOWN = HONOURED | GUARDS | frozenset(REFUSED) | NO_EFFECT | TRAFFIC

"""Words that every stage uses: names, origins, findings, errors. Knows no Kubernetes API and no engine."""

# SimViz on a CPU; docs/deployment.md says how it is built, run and set up.
FROM python:3.11-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# What changes least first, so that a change of the code builds in seconds. PyTorch's own index has
# the build without CUDA, which takes 5 GB less. The packages' own tests are of no use to the pages.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt constraints.txt /tmp/simviz/
RUN grep -E '^torch(vision)?==' /tmp/simviz/requirements.txt > /tmp/simviz/torch.txt \
    && pip install -r /tmp/simviz/torch.txt --index-url "$TORCH_INDEX" \
    && pip install -r /tmp/simviz/requirements.txt -c /tmp/simviz/constraints.txt \
    && find /usr/local/lib/python3.11/site-packages -type d -name tests -prune -exec rm -r {} +

COPY . /tmp/simviz/source
RUN pip install --no-deps /tmp/simviz/source \
    && rm -r /tmp/simviz \
    && useradd --create-home --uid 1000 simviz \
    && mkdir -p /galleries /cache \
    && chown simviz /cache

USER 1000
WORKDIR /galleries
ENV SIMVIZ_GALLERIES=/galleries \
    SIMVIZ_CACHE=/cache
VOLUME /cache
EXPOSE 8501
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health')"]
CMD ["simviz", "app", "--headless", "--port", "8501", "--address", "0.0.0.0"]

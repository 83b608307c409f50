{{ read_configuration('pillar_sources') }}

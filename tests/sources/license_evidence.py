"""The verdict of each licence as read from its text, with the clause that decides; and which licence base models state.

Written from the texts, not from etl/sources/licenses.toml. A § is a section of the licence's text.
"""

from __future__ import annotations

# id | verdict | the clause that decides
LICENSES = """
afl-3.0 | yes | §1 grants to reproduce, adapt and distribute, §15 to use in all ways; §6 requires notices
agpl-3.0 | yes | §4 and §5 let anyone convey, for any price; §13 requires to offer the source over a network
apache-2.0 | yes | §2 grants use, sublicence and distribution to all; §4 requires notices
apple-ascl | yes | grants use, modification and redistribution for no named purpose; notice; patents excluded
artistic-2.0 | yes | §2 to §8 permit distribution, also for a fee and aggregated in other products; changes are marked
bsd | yes | each licence of the family permits redistribution and use with or without modification; notice
bsd-2-clause | yes | redistribution and use are permitted under two conditions, both of notice
bsd-3-clause | yes | as two clauses, and no endorsement in the names of the authors
bsd-3-clause-clear | yes | as three clauses; states that no patent is licensed
bsl-1.0 | yes | Boost: permission to any person to use, reproduce and distribute; notice in sources
cc-by-2.0 | yes | §3 grants reproduction and distribution; §4 has no NonCommercial term; attribution
cc-by-2.5 | yes | §3 grants reproduction and distribution; §4 has no NonCommercial term; attribution
cc-by-3.0 | yes | §3 grants reproduction and adaptation; §4 has no NonCommercial term; attribution
cc-by-4.0 | yes | §2(a)(1) grants to reproduce, share and adapt for no named purpose; §3(a) attribution
cc-by-sa-3.0 | yes | §3 grants adaptation; §4(b) share-alike; no NonCommercial term
cc-by-sa-4.0 | yes | §2(a)(1) grants to reproduce, share and adapt; §3(b) share-alike
cc0-1.0 | yes | §2 waives all rights for any purpose, commercial ones named
cdla-permissive-1.0 | yes | §2.1 grants to use and publish data; §3 requires to keep the notices
cdla-permissive-2.0 | yes | §1 grants use, modification and sharing; §2 requires to pass on the text
cdla-sharing-1.0 | yes | §2.1 grants use; §3 share-alike of enhanced data
ecl-2.0 | yes | Apache 2.0 with a narrower patent grant for universities
epl-1.0 | yes | §2(a) grants to reproduce and distribute to all; §4 names commercial distributors; source of changes
epl-2.0 | yes | §2(a) grants to reproduce and distribute to all; §3 source of changes; §4 commercial distributors
etalab-2.0 | yes | free to reuse, commercially too; the source must be named
eupl-1.1 | yes | §2 grants use for any purpose; §5 copyleft
eupl-1.2 | yes | §2 grants use for any purpose; §5 copyleft
gfdl | yes | §2: copy and distribute, commercially or not; §4 changes under the same licence
gpl | yes | each version permits to charge for copies; source and the same licence
gpl-2.0 | yes | §1 permits a fee for the act of transferring; §2(b) the same licence
gpl-3.0 | yes | §4 permits any price or none; §5(c) the same licence
isc | yes | permission for any purpose with or without fee; notice
lgpl | yes | as GPL, weaker copyleft
lgpl-2.1 | yes | §1 permits a fee; §2 the same licence for the library
lgpl-3.0 | yes | GPL 3 with additional permissions
lgpl-lr | yes | as LGPL, for linguistic resources: distribution, for a fee too, under the same licence
lppl-1.3c | yes | §2 distribution of complete copies; §6 changed works, marked as such
mit | yes | permission to any person to use, copy, modify, sublicense and sell; notice
mpl-2.0 | yes | §2.1 grants use, sale and distribution; §3.1 files under the same licence
ms-pl | yes | §2(A) grants reproduction, derivatives and distribution; §3(C) notices
ncsa | yes | permission to use, modify, sublicense and sell; notice
odbl | yes | §3.1 grants for commercial use too (named); §4.4 share-alike
odc-by | yes | §3.1 grants for commercial use too (named); §4.2 attribution
ofl-1.1 | yes | use, embedding and sale with other software; not sold by itself; the same licence
openmdw-1.0 | yes | grants to deal in the model materials without restriction; keep text and notices; ends on lawsuits
openmdw-1.1 | yes | grants to deal in the model materials without restriction; keep text and notices; ends on lawsuits
osl-3.0 | yes | §1 grants to reproduce, adapt and distribute, §15 to use in all ways; §1(c) copies under the same licence
pddl | yes | dedication to the public domain, for any purpose
postgresql | yes | permission to use, copy, modify and distribute for any purpose without fee; notice
unlicense | yes | anyone is free to use or sell, for any purpose, commercial or not
wtfpl | yes | §0: do what you want to
zlib | yes | anyone may use it for any purpose, commercial applications named; not misrepresented
bigcode-openrail-m | conditions | §5 and Attachment A prohibit uses; §4 passes them on
bigscience-bloom-rail-1.0 | conditions | §5 and Attachment A prohibit uses; §4 passes them on
bigscience-openrail-m | conditions | §5 and Attachment A prohibit uses; §4 passes them on
c-uda | conditions | §2.1 only for computational use
cc-by-nd-4.0 | conditions | §2(a)(1)(B): adapted material may be made but not shared
creativeml-openrail-m | conditions | §5 and Attachment A prohibit uses; §4(a) passes them on
gemma | conditions | §3.2 prohibited use policy; §3.1 passes it on
grok2-community | conditions | §2(a) commercially only within the acceptable use policy; §2(b) no training of other models
llama2 | conditions | §2: above 700 million users only on request; §1(b)(iv) policy; §1(b)(v) no other models
llama3 | conditions | §2: above 700 million users only on request; §1(b)(iv) policy; §1(b)(v) no other models
llama3.1 | conditions | §2: above 700 million users only on request; §1(b)(iv) policy
llama3.2 | conditions | §2: above 700 million users only on request; the policy excludes the Union for multimodal models
llama3.3 | conditions | §2: above 700 million users only on request; §1(b)(iv) policy
llama4 | conditions | §2: above 700 million users only on request; the policy excludes the Union
openrail | conditions | what makes a licence a RAIL are restrictions on use, passed on
openrail++ | conditions | §5 and Attachment A prohibit uses; §4(a) passes them on
apple-amlr | no | §2: exclusively for research purposes, which exclude commercial products
cc-by-nc-2.0 | no | §4(b): not primarily for commercial advantage
cc-by-nc-3.0 | no | §4(b): not primarily for commercial advantage
cc-by-nc-4.0 | no | §2(a)(1)(A): for NonCommercial purposes only
cc-by-nc-nd-3.0 | no | §4(b): not primarily for commercial advantage
cc-by-nc-nd-4.0 | no | §2(a)(1)(A): for NonCommercial purposes only
cc-by-nc-sa-2.0 | no | §4(c): not primarily for commercial advantage
cc-by-nc-sa-3.0 | no | §4(c): not primarily for commercial advantage
cc-by-nc-sa-4.0 | no | §2(a)(1)(A): for NonCommercial purposes only
deepfloyd-if-license | no | §2: for non-commercial research purposes only
fair-noncommercial-research-license | no | §1(b): no commercial uses, only noncommercial research uses
intel-research | no | §2: solely for research purposes
"""

# Ids that the Hub documents and whose terms are unknown, with the reason.
UNKNOWN = {
    "unknown": "not a licence",
    "other": "not a licence",
    "cc": "without elements and version; some Creative Commons licences are non-commercial",
    "h-research": "no public text",
}

# id | verdict | the clause that decides: licences without an id of the Hub
NAMED = """
circlestone-nc | no | the grant is for non-commercial purposes
cogvideox | conditions | commercial use after registration, up to 1 million visits a month
deepseek | conditions | §5 and Attachment A prohibit uses; §4 passes them on
dinov3 | conditions | §1(b): no military, weapons or nuclear use; trade controls
fair-ai-public-1.0-sd | conditions | prohibits the uses that OpenRAIL-M does; modified models on a network are shared
flux-1-dev | no | §2: non-commercial purposes only
flux-2-dev | no | §2: non-commercial purposes only
flux-klein | no | §2: non-commercial purposes only
health-ai | conditions | §3.2 and prohibited use policy; no clinical use without authorisation
hunyuan | conditions | §4: above 100 million users only on request; territory; §5(b) no other models
ideogram-nc | no | by its title and its grant
kimi-modified-mit | conditions | MIT, with a display above 100 million users or 20 million dollars a month
kolors | conditions | commercial use after registration with the licensor
lfm-1.0 | conditions | §5: commercial use below 10 million dollars of annual revenue
llama1 | no | §2: non-commercial research purposes
ltx-2 | conditions | §2: from 10 million dollars of annual revenue only on request; Attachment A
ltxv | conditions | from 10 million dollars of annual revenue only on request; Attachment A
minimax-m2.7 | no | §3: commercial use is prohibited without authorisation in writing
minimax-m3 | conditions | §2: display and notice; above 20 million dollars of yearly revenue only with authorisation
mistral-research | no | §3.2: research purposes only
noobai | no | II of the card: any form of commercialisation is prohibited
nvidia-open-model | conditions | §2: ends if guardrails are circumvented; Trustworthy AI terms
opt | no | §2: non-commercial research purposes
playground-v2 | conditions | above 1 million users only on request; acceptable use policy
pony-v6 | conditions | the page of the model: no inference on sites that are paid in any form, without the author's permission
pony-v7 | conditions | the card: no inference service, no company above 1 million dollars of revenue, no professional video
qwen | conditions | §3 or §4: above 100 million users only on request
qwen-research | no | §2: for non-commercial purposes only
sam | conditions | §1(b): no military, weapons or nuclear use; trade controls
sdxl-0.9 | no | §2: non-commercial research purposes
stability-community | conditions | §III: registration, and up to 1 million dollars of annual revenue
stability-nc | no | §1(a): non-commercial or research purposes only
"""

# verdict | base models, each with the licence that its card and CivitAI state
BASES = """
yes | Apache 2.0 | ACE Audio, AuraFlow, Boogu, Chroma, Ernie, Flux.1 S, Flux.2 Klein 4B, Flux.2 Klein 4B-base, Lumina, Mochi
yes | Apache 2.0 | Wan Video, Wan Video 1.3B t2v, Wan Video 14B t2v, Wan Video 14B i2v 480p, Wan Video 14B i2v 720p
yes | Apache 2.0 | Wan Video 2.2 TI2V-5B, Wan Video 2.2 I2V-A14B, Wan Video 2.2 T2V-A14B, ZImageTurbo, ZImageBase
yes | MIT | HiDream, HiDream-O1, MageFlow
conditions | OpenRAIL-M | SD 1.4, SD 1.5, SD 1.5 LCM, SD 1.5 Hyper
conditions | OpenRAIL++-M | SD 2.0, SD 2.0 768, SD 2.1, SD 2.1 768, SD 2.1 Unclip, SDXL 1.0, SDXL 1.0 LCM, SDXL Lightning
conditions | OpenRAIL++-M | SDXL Hyper, SDXL Distilled, PixArt a, PixArt E
conditions | Fair AI Public, with paid inference forbidden for Pony | Illustrious, Pony
conditions | Pony License | Pony V7
conditions | Stability AI Community | SD 3, SD 3.5, SD 3.5 Large, SD 3.5 Large Turbo, SD 3.5 Medium, SVD, SVD XT
conditions | Tencent Hunyuan Community | Hunyuan 1, Hunyuan Video
conditions | of Lightricks | LTXV, LTXV2, LTXV 2.3
conditions | registration or users | CogVideoX, Kolors, Playground v2
no | FLUX non-commercial | Flux.1 D, Flux.1 Krea, Flux.1 Kontext, Flux.2 D, Flux.2 Klein 9B, Flux.2 Klein 9B-base
no | non-commercial | Anima, Ideogram 4.0, NoobAI
no | research | SDXL 0.9, SDXL Turbo, Stable Cascade
unknown | terms of a service | OpenAI, Sora 2, Imagen4, Nano Banana, Veo 3, Seedream
unknown | terms of a service | Seedance, Kling, Vidu Q1, MiniMax H3, Grok, Krea 2
unknown | terms of a service | Reve, MAI, HappyHorse, Flux 3 Video
unknown | terms of a service | Wan Video 2.5 T2V, Wan Video 2.5 I2V, Wan Image 2.7, Wan Video 2.7
unknown | none, or one name for several | Qwen, Qwen 2, Qwen 3, Lens, ODOR, Upscaler, Other, PolyGen, Tripo, Hunyuan3D
"""

# verdict | licence | repositories whose tag is `other`
REPOSITORIES = """
no | FLUX non-commercial | black-forest-labs/FLUX.1-dev, black-forest-labs/FLUX.1-Kontext-dev, black-forest-labs/FLUX.1-Krea-dev
no | FLUX non-commercial | black-forest-labs/FLUX.1-Fill-dev, black-forest-labs/FLUX.2-dev, black-forest-labs/FLUX.2-klein-9B
no | FLUX non-commercial | black-forest-labs/FLUX.2-klein-base-9B
no | Qwen Research | Qwen/Qwen2.5-3B, Qwen/Qwen2.5-3B-Instruct, Qwen/Qwen2.5-Coder-3B-Instruct, Qwen/Qwen2.5-VL-3B-Instruct
no | Mistral Research | mistralai/Ministral-8B-Instruct-2410, mistralai/Mistral-Large-Instruct-2407
no | research | facebook/opt-125m, huggyllama/llama-7b, stabilityai/stable-cascade
no | non-commercial | circlestone-labs/Anima, MiniMaxAI/MiniMax-M2.7
conditions | Stability AI Community | stabilityai/stable-diffusion-3-medium, stabilityai/stable-diffusion-3.5-medium
conditions | Stability AI Community | stabilityai/stable-diffusion-3.5-large, stabilityai/stable-diffusion-3.5-large-turbo
conditions | Stability AI Community | stabilityai/stable-video-diffusion-img2vid, stabilityai/stable-video-diffusion-img2vid-xt
conditions | Qwen, 100 million users | Qwen/Qwen2-72B-Instruct, Qwen/Qwen2.5-72B
conditions | Qwen, 100 million users | Qwen/Qwen2.5-72B-Instruct, Qwen/Qwen2.5-VL-72B-Instruct
conditions | Llama 4 | meta-llama/Llama-4-Scout-17B-16E, meta-llama/Llama-4-Scout-17B-16E-Instruct
conditions | Llama 4 | meta-llama/Llama-4-Maverick-17B-128E-Instruct
conditions | modified MIT | moonshotai/Kimi-K2-Instruct, moonshotai/Kimi-K2.5, moonshotai/Kimi-K2.6
conditions | revenue | MiniMaxAI/MiniMax-M3, Lightricks/LTX-Video, Lightricks/LTX-2, Lightricks/LTX-2.3
conditions | revenue | LiquidAI/LFM2.5-1.2B-Base, LiquidAI/LFM2.5-8B-A1B
conditions | Tencent Hunyuan Community | tencent/HunyuanVideo, tencent/HunyuanImage-3.0
conditions | restrictions of use | google/medgemma-4b-it, google/medgemma-4b-pt
conditions | restrictions of use | facebook/dinov3-vit7b16-pretrain-lvd1689m, facebook/sam3
conditions | restrictions of use | deepseek-ai/deepseek-coder-6.7b-instruct, nvidia/NVIDIA-Nemotron-Nano-9B-v2
conditions | Fair AI Public 1.0-SD | OnomaAIResearch/Illustrious-xl-early-release-v0, cagliostrolab/animagine-xl-3.0
"""


def by_id(table: str) -> dict[str, str]:
    """Return the verdicts of a table with an id in each line."""
    rows = [line.split(" | ") for line in table.strip().splitlines()]
    return {id_: verdict for id_, verdict, _clause in rows}


def by_name(table: str) -> dict[str, str]:
    """Return the verdicts of a table with several names in each line."""
    rows = [line.split(" | ") for line in table.strip().splitlines()]
    return {name: verdict for verdict, _license, names in rows for name in names.split(", ")}
